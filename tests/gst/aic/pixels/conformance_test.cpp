// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine's own pictures are those of a decoder: every sample of every frame of real streams equals what
// FFmpeg's decoder gives. Nothing would break if they differed, but they would predict worse.
#include <gst/app/gstappsrc.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "gst/aic/core/h264/nal.hpp"
#include "gst/aic/core/h264/slice_data.hpp"
#include "gst/aic/core/model/macroblock_coder.hpp"
#include "gst/aic/core/model/model.hpp"
#include "tests/gst/aic/encoders.hpp"

namespace auralink::aic {
namespace {

using support::Owned;

/// Frames as rows of Y, Cb and Cr, cropped as the stream says.
struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> samples;
};

std::vector<Picture> decoded_by_ffmpeg(const std::vector<AccessUnit>& units) {
  const auto pipeline = support::sink(gst_parse_launch(
      "appsrc name=in caps=video/x-h264,stream-format=byte-stream,alignment=au,framerate=25/1 format=time ! "
      "h264parse ! "
      "avdec_h264 max-threads=1 ! videoconvert ! video/x-raw,format=I420 ! appsink name=out sync=false",
      nullptr));
  const auto in = support::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "in"));
  const auto out = support::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  GstClockTime time = 0;
  for (const AccessUnit& unit : units) {
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i < unit.count(); ++i) {
      bytes.insert(bytes.end(), {0, 0, 0, 1});
      bytes.insert(bytes.end(), unit.nal(i).begin(), unit.nal(i).end());
    }
    GstBuffer* buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
    GST_BUFFER_PTS(buffer) = time;
    time += 40 * GST_MSECOND;
    gst_app_src_push_buffer(GST_APP_SRC(in.get()), buffer);
  }
  gst_app_src_end_of_stream(GST_APP_SRC(in.get()));
  std::vector<Picture> pictures;
  for (;;) {
    const auto sample = support::adopt(gst_app_sink_pull_sample(GST_APP_SINK(out.get())));
    if (sample == nullptr) break;
    Picture picture;
    const GstStructure* caps = gst_caps_get_structure(gst_sample_get_caps(sample.get()), 0);
    gst_structure_get_int(caps, "width", &picture.width);
    gst_structure_get_int(caps, "height", &picture.height);
    const support::BufferMap map{gst_sample_get_buffer(sample.get()), GST_MAP_READ};
    picture.samples.assign(map.bytes().begin(), map.bytes().end());
    pictures.push_back(std::move(picture));
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return pictures;
}

/// Codes access units as codec.cpp does, to look at the pictures that come of it.
class Reconstruction final {
 public:
  void take(const AccessUnit& unit) {
    std::vector<std::uint8_t> coded;
    std::vector<std::uint8_t> scratch;
    std::vector<h264::ReadSlice> slices;
    parsed_.begin_picture();
    for (std::size_t i = 0; i < unit.count(); ++i) {
      sets_.take(unit.nal(i));
      if (!h264::is_slice(unit.nal(i))) continue;
      h264::ReadSlice slice;
      ASSERT_EQ(h264::read_exactly(unit.nal(i), sets_, static_cast<std::int32_t>(slices.size()), parsed_,
                                   slice, scratch),
                h264::Refusal::kNone);
      slices.push_back(slice);
    }
    ASSERT_FALSE(slices.empty());
    model.resize(slices[0].sps->width, slices[0].sps->height);
    model.begin_picture();
    model.coder.start_encoding(model::Mixing::kLight, coded);
    for (const auto& slice : slices) {
      const auto& h = slice.header;
      model.work->filters.push_back({static_cast<int>(h.disable_deblocking), h.alpha_offset_div2 * 2,
                                     h.beta_offset_div2 * 2, slice.pps->chroma_qp_offset});
      const model::SliceContext context{
          h, *slice.sps, *slice.pps, static_cast<std::int32_t>(model.work->filters.size()) - 1, true, false};
      model::MacroblockCoder<model::Direction::kEncode> macroblocks{model, context, &parsed_};
      for (int address = static_cast<int>(h.first_mb); address < slice.end; ++address)
        ASSERT_TRUE(macroblocks.code(address));
    }
    model.coder.finish_encoding();
    model.end_picture(true, true, slices[0].header.nal_type == 5 ? 1 : slices[0].sps->max_ref_frames);
  }
  model::Model model{10};

 private:
  h264::ParameterSets sets_;
  h264::MacroblockMap parsed_;
};

void expect_equal(const pixels::Frame& ours, const Picture& theirs) {
  std::size_t at = 0;
  for (int plane = 0; plane < 3; ++plane) {
    const int width = plane == 0 ? theirs.width : theirs.width / 2;
    const int height = plane == 0 ? theirs.height : theirs.height / 2;
    // I420 as GStreamer lays it out: rows padded to four bytes.
    const auto stride = static_cast<std::size_t>((width + 3) / 4 * 4);
    for (int y = 0; y < height; ++y)
      ASSERT_EQ(std::memcmp(ours.plane(plane) + y * std::ptrdiff_t{ours.stride(plane)},
                            theirs.samples.data() + at + static_cast<std::size_t>(y) * stride,
                            static_cast<std::size_t>(width)),
                0)
          << "plane " << plane << " row " << y;
    at += stride * static_cast<std::size_t>((height + 1) / 2 * 2);
  }
}

class Conformance : public ::testing::TestWithParam<const char*> {};

TEST_P(Conformance, EverySampleIsTheDecoders) {
  std::vector<AccessUnit> units;
  const std::string line =
      std::string{"filesrc location="} + test::kCockatoo +
      " ! decodebin ! videoconvert ! videoscale ! video/x-raw,format=I420,width=192,height=112 ! " +
      GetParam();
  test::encode(line, 40, [&](const AccessUnit& unit) { units.push_back(unit); });
  ASSERT_EQ(units.size(), 40U);
  const std::vector<Picture> theirs = decoded_by_ffmpeg(units);
  ASSERT_EQ(theirs.size(), units.size());
  Reconstruction ours;
  for (std::size_t i = 0; i < units.size(); ++i) {
    SCOPED_TRACE(i);
    ASSERT_NO_FATAL_FAILURE(ours.take(units[i]));
    ASSERT_NO_FATAL_FAILURE(expect_equal(*ours.model.references.front(), theirs[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Encoders, Conformance,
    ::testing::Values("openh264enc bitrate=200000 gop-size=15",
                      "openh264enc bitrate=80000 slice-mode=n-slices num-slices=3",
                      "x264enc bframes=0 cabac=false tune=zerolatency speed-preset=ultrafast bitrate=200 "
                      "key-int-max=15 ! video/x-h264,profile=constrained-baseline",
                      "x264enc bframes=0 cabac=false tune=zerolatency speed-preset=medium bitrate=150 ! "
                      "video/x-h264,profile=constrained-baseline",
                      "x264enc bframes=0 cabac=false tune=zerolatency speed-preset=slower ref=1 bitrate=300 "
                      "option-string=slices=2:deblock=-2,3 ! video/x-h264,profile=constrained-baseline",
                      "x264enc bframes=0 cabac=false tune=zerolatency speed-preset=fast bitrate=200 "
                      "option-string=constrained-intra=1 ! video/x-h264,profile=constrained-baseline"));

}  // namespace
}  // namespace auralink::aic
