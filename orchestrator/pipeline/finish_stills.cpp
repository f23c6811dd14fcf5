// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/finish_stills.hpp"

#include <gst/app/app.h>

#include <algorithm>
#include <utility>

namespace auralink::pipeline::finish {

using support::Out;
using support::Owned;

namespace {

constexpr GstClockTime kPatience = 20 * GST_SECOND;
constexpr std::size_t kInFlight = 24;  // decoders with threads give the first picture only after some more

Owned<GstCaps> coded_caps(const Stream& stream) {
  Owned<GstCaps> caps;
  if (stream.codec == "h264" || stream.codec == "hevc") {
    const bool h264 = stream.codec == "h264";
    caps.reset(gst_caps_new_simple(h264 ? "video/x-h264" : "video/x-h265", "stream-format", G_TYPE_STRING,
                                   h264 ? "avc" : "hvc1", "alignment", G_TYPE_STRING, "au", nullptr));
    const Owned<GstBuffer> config{gst_buffer_new_memdup(stream.config.data(), stream.config.size())};
    gst_caps_set_simple(caps.get(), "codec_data", GST_TYPE_BUFFER, config.get(), nullptr);
  } else if (stream.codec == "vp8" || stream.codec == "vp9") {
    caps.reset(gst_caps_new_empty_simple(stream.codec == "vp8" ? "video/x-vp8" : "video/x-vp9"));
  } else {
    return {};
  }
  gst_caps_set_simple(caps.get(), "width", G_TYPE_INT, static_cast<int>(stream.width), "height", G_TYPE_INT,
                      static_cast<int>(stream.height), nullptr);
  return caps;
}

Owned<GstCaps> raw_caps(StillSize size) {
  return Owned<GstCaps>{gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "I420", "width",
                                            G_TYPE_INT, static_cast<int>(size.width), "height", G_TYPE_INT,
                                            static_cast<int>(size.height), "pixel-aspect-ratio",
                                            GST_TYPE_FRACTION, 1, 1, nullptr)};
}

void on_decoded(GstElement*, GstPad* pad, gpointer convert) noexcept {
  const Owned<GstPad> in{gst_element_get_static_pad(static_cast<GstElement*>(convert), "sink")};
  if (!gst_pad_is_linked(in.get())) gst_pad_link(pad, in.get());
}

std::string error_on(GstElement* pipeline) {
  const Owned<GstBus> bus{gst_element_get_bus(pipeline)};
  const Owned<GstMessage> message{gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR)};
  if (!message) return "a picture cannot be decoded";
  Owned<GError> error;
  Owned<gchar> debug;
  gst_message_parse_error(message.get(), Out{error}, Out{debug});
  return std::string{"a picture cannot be decoded: "} + error->message;
}

}  // namespace

StillSize thumbnail_size(const Stream& stream) {
  constexpr unsigned kWidest = 320, kMost = 16'384;
  if (stream.width == 0 || stream.height == 0 || stream.width > kMost || stream.height > kMost) return {};
  const unsigned width = std::min(kWidest, stream.width);
  const auto even = [](unsigned n) { return std::max(2U, n & ~1U); };
  return {even(width), even((stream.height * width + stream.width / 2) / stream.width)};
}

Result<std::unique_ptr<StillDecoder>> StillDecoder::create(const Stream& stream, StillSize size,
                                                           OnStill on_still) {
  const auto coded = coded_caps(stream);
  if (!coded) return tl::unexpected("there is no way to decode pictures of " + stream.codec);
  auto pipeline = support::make_pipeline("stills");
  auto* bin = GST_BIN(pipeline.get());
  const char* missing = nullptr;
  const auto add = [&](const char* factory, const char* name) -> GstElement* {
    auto* element = gst_element_factory_make(factory, name);
    if (element == nullptr) return missing = factory, nullptr;
    gst_bin_add(bin, element);
    return element;
  };
  auto* source = add("appsrc", "source");
  auto* decode = add("decodebin", "decode");
  auto* convert = add("videoconvert", "convert");
  auto* scale = add("videoscale", "scale");
  auto* filter = add("capsfilter", "filter");
  auto* sink = add("appsink", "sink");
  if (missing != nullptr) return tl::unexpected(std::string{"GStreamer has no element "} + missing);
  g_object_set(source, "caps", coded.get(), "format", GST_FORMAT_TIME, nullptr);
  g_object_set(filter, "caps", raw_caps(size).get(), nullptr);
  g_object_set(sink, "sync", FALSE, "max-buffers", 4U, nullptr);
  g_signal_connect(decode, "pad-added", G_CALLBACK(on_decoded), convert);
  if (!gst_element_link(source, decode) || !gst_element_link_many(convert, scale, filter, sink, nullptr))
    return tl::unexpected(std::string{"the picture pipeline cannot be linked"});
  std::unique_ptr<StillDecoder> out{new StillDecoder{std::move(pipeline), std::move(on_still)}};
  if (gst_element_set_state(out->pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return tl::unexpected(error_on(out->pipeline_.get()));
  return out;
}

StillDecoder::StillDecoder(Owned<GstElement> pipeline, OnStill on_still)
    : pipeline_{std::move(pipeline)},
      source_{gst_bin_get_by_name(GST_BIN(pipeline_.get()), "source")},
      sink_{gst_bin_get_by_name(GST_BIN(pipeline_.get()), "sink")},
      on_still_{std::move(on_still)} {}

StillDecoder::~StillDecoder() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

Result<bool> StillDecoder::pull(GstClockTime timeout) {
  const Owned<GstSample> sample{gst_app_sink_try_pull_sample(GST_APP_SINK(sink_.get()), timeout)};
  if (!sample) {
    const Owned<GstBus> bus{gst_element_get_bus(pipeline_.get())};
    const Owned<GstMessage> error{gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR)};
    if (error) {
      gst_bus_post(bus.get(), gst_message_ref(error.get()));
      return tl::unexpected(error_on(pipeline_.get()));
    }
    return false;
  }
  ++out_;
  // The time that was given with the data is its number.
  const auto* buffer = gst_sample_get_buffer(sample.get());
  if (GST_BUFFER_PTS_IS_VALID(buffer))
    on_still_(static_cast<std::size_t>(GST_BUFFER_PTS(buffer) / GST_SECOND), sample.get());
  return true;
}

Result<void> StillDecoder::decode(std::size_t number, Bytes data) {
  auto* buffer = gst_buffer_new_memdup(data.data(), data.size());
  GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = number * GST_SECOND;
  GST_BUFFER_DURATION(buffer) = GST_SECOND;
  if (gst_app_src_push_buffer(GST_APP_SRC(source_.get()), buffer) != GST_FLOW_OK)
    return tl::unexpected(error_on(pipeline_.get()));
  ++in_;
  for (;;) {
    const bool full = in_ - std::min(in_, out_) >= kInFlight;
    const auto got = pull(full ? kPatience : 0);
    if (!got) return tl::unexpected(got.error());
    if (!*got && full) return tl::unexpected(std::string{"the decoder does not go on"});
    if (!*got) return {};
  }
}

Result<void> StillDecoder::drain() {
  gst_app_src_end_of_stream(GST_APP_SRC(source_.get()));
  while (!gst_app_sink_is_eos(GST_APP_SINK(sink_.get()))) {
    const auto got = pull(kPatience);
    if (!got) return tl::unexpected(got.error());
    if (!*got && !gst_app_sink_is_eos(GST_APP_SINK(sink_.get())))
      return tl::unexpected(std::string{"the decoder does not end"});
  }
  return {};
}

Result<Bytes> to_jpeg(GstSample* picture) {
  const Owned<GstCaps> caps{gst_caps_new_empty_simple("image/jpeg")};
  Owned<GError> error;
  const Owned<GstSample> coded{gst_video_convert_sample(picture, caps.get(), kPatience, Out{error})};
  if (!coded)
    return tl::unexpected(std::string{"a picture cannot be stored: "} + (error ? error->message : "?"));
  auto* buffer = gst_sample_get_buffer(coded.get());
  Bytes out(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, out.data(), out.size());
  return out;
}

unsigned brightness(GstSample* picture) {
  GstVideoInfo info;
  GstVideoFrame frame;
  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(picture)) ||
      !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(picture), GST_MAP_READ))
    return 0;
  std::uint64_t sum = 0;
  const auto width = static_cast<std::size_t>(GST_VIDEO_FRAME_WIDTH(&frame));
  const auto height = static_cast<std::size_t>(GST_VIDEO_FRAME_HEIGHT(&frame));
  const auto* data = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
  const auto stride = static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0));
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x) sum += data[y * stride + x];
  gst_video_frame_unmap(&frame);
  return static_cast<unsigned>(sum / std::max<std::size_t>(1, width * height));
}

namespace {

/// Copies I420 to I420; the place is even.
void paste(const GstVideoFrame& tile, const GstVideoFrame& sheet, unsigned x, unsigned y) {
  for (guint plane = 0; plane < 3; ++plane) {
    const unsigned shift = plane == 0 ? 0 : 1;
    const auto width = static_cast<std::size_t>(GST_VIDEO_FRAME_COMP_WIDTH(&tile, plane));
    const auto height = static_cast<std::size_t>(GST_VIDEO_FRAME_COMP_HEIGHT(&tile, plane));
    const auto from_stride = static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&tile, plane));
    const auto to_stride = static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&sheet, plane));
    const auto* from = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&tile, plane));
    auto* to = static_cast<std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&sheet, plane)) +
               (y >> shift) * to_stride + (x >> shift);
    for (std::size_t row = 0; row < height; ++row)
      std::copy_n(from + row * from_stride, width, to + row * to_stride);
  }
}

}  // namespace

Sheet::Sheet(StillSize tile, unsigned columns, unsigned rows) : info_{}, tile_{tile}, columns_{columns} {
  gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_I420, tile.width * columns, tile.height * rows);
  buffer_.reset(gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info_), nullptr));
  GstVideoFrame frame;
  if (!gst_video_frame_map(&frame, &info_, buffer_.get(), GST_MAP_WRITE)) return;
  for (unsigned plane = 0; plane < 3; ++plane) {  // black
    constexpr std::uint8_t kDark = 16, kGrey = 128;
    std::fill_n(static_cast<std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane)),
                static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane)) *
                    static_cast<std::size_t>(GST_VIDEO_FRAME_COMP_HEIGHT(&frame, plane)),
                plane == 0 ? kDark : kGrey);
  }
  gst_video_frame_unmap(&frame);
}

void Sheet::put(unsigned index, GstSample* picture) {
  GstVideoInfo from;
  GstVideoFrame in, out;
  if (!gst_video_info_from_caps(&from, gst_sample_get_caps(picture)) ||
      !gst_video_frame_map(&in, &from, gst_sample_get_buffer(picture), GST_MAP_READ))
    return;
  from.fps_n = 0;  // the converter refuses pictures of different rates
  from.fps_d = 1;
  // Into a picture of its own first: told to write into a part of the sheet (dest-x), GstVideoConverter
  // of 1.22 leaves garbage in the same lines left of that part.
  GstVideoInfo to;
  gst_video_info_set_format(&to, GST_VIDEO_FORMAT_I420, tile_.width, tile_.height);
  const Owned<GstBuffer> buffer{gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&to), nullptr)};
  if (GstVideoFrame tile; gst_video_frame_map(&tile, &to, buffer.get(), GST_MAP_READWRITE)) {
    if (auto* converter = gst_video_converter_new(&from, &to, nullptr); converter != nullptr) {
      gst_video_converter_frame(converter, &in, &tile);
      gst_video_converter_free(converter);
    }
    if (gst_video_frame_map(&out, &info_, buffer_.get(), GST_MAP_READWRITE)) {
      paste(tile, out, index % columns_ * tile_.width, index / columns_ * tile_.height);
      gst_video_frame_unmap(&out);
    }
    gst_video_frame_unmap(&tile);
  }
  gst_video_frame_unmap(&in);
}

Result<Bytes> Sheet::to_jpeg() const {
  const Owned<GstCaps> caps{gst_video_info_to_caps(&info_)};
  const Owned<GstSample> sample{gst_sample_new(buffer_.get(), caps.get(), nullptr, nullptr)};
  return finish::to_jpeg(sample.get());
}

}  // namespace auralink::pipeline::finish
