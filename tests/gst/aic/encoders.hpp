// SPDX-License-Identifier: LGPL-2.1-or-later
// Access units of real encoders from real clips, for tests that need what nobody would write by hand.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gst/aic/core/codec.hpp"
#include "gst/support/support.hpp"

namespace auralink::aic::test {

// Clips that Debian ships (imageio, opencv-doc, forensics-samples-files).
inline constexpr const char* kCockatoo =
    "/usr/lib/python3/dist-packages/imageio/resources/images/cockatoo.mp4";
inline constexpr const char* kMegamind = "/usr/share/doc/opencv-doc/examples/data/Megamind.avi";
inline constexpr const char* kStreet = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
inline constexpr const char* kHello = "/usr/share/forensics-samples/original-files/movie2/movie-hello.mp4";

/// NAL units between the start codes of Annex B.
inline AccessUnit split(std::span<const std::uint8_t> stream) {
  AccessUnit unit;
  std::size_t begin = 0;
  bool open = false;
  for (std::size_t i = 0; i + 2 < stream.size(); ++i) {
    if (stream[i] != 0 || stream[i + 1] != 0 || stream[i + 2] != 1) continue;
    std::size_t end = i;
    while (end > begin && stream[end - 1] == 0) --end;
    if (open && end > begin) unit.add(stream.subspan(begin, end - begin));
    begin = i + 3;
    open = true;
  }
  if (open && stream.size() > begin) unit.add(stream.subspan(begin));
  return unit;
}

/// Runs a launch line whose end gives video/x-h264, and hands over at most `most` access units. Returns how
/// many.
inline int encode(const std::string& line, int most, const std::function<void(const AccessUnit&)>& take) {
  support::Owned<GError> error;
  const auto pipeline = support::sink(
      gst_parse_launch((line + " ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au ! "
                               "appsink name=out sync=false max-buffers=8")
                           .c_str(),
                       support::Out<GError>{error}));
  EXPECT_EQ(error, nullptr) << line << ": " << error->message;
  if (error != nullptr) return 0;
  const auto sink = support::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  int count = 0;
  while (count < most) {
    const auto sample = support::adopt(gst_app_sink_pull_sample(GST_APP_SINK(sink.get())));
    if (sample == nullptr) break;  // the end of the stream
    const support::BufferMap map{gst_sample_get_buffer(sample.get()), GST_MAP_READ};
    take(split(map.bytes()));
    ++count;
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return count;
}

}  // namespace auralink::aic::test
