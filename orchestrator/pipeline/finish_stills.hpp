// SPDX-License-Identifier: LGPL-2.1-or-later
// From coded keyframes to small pictures, with GStreamer's decoders.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <functional>
#include <memory>

#include "gst/support/support.hpp"
#include "orchestrator/pipeline/finish_bytes.hpp"

namespace auralink::pipeline::finish {

/// I420, at most 320 wide, in the shape of the recording.
struct StillSize {
  unsigned width = 0, height = 0;
};
[[nodiscard]] StillSize thumbnail_size(const Stream& stream);

/// Decodes keyframes one by one, in order. Thread-compatible.
class StillDecoder final {
 public:
  /// Gets each picture with the number that was given with its data; in the order of decoding.
  using OnStill = std::function<void(std::size_t number, GstSample* picture)>;
  [[nodiscard]] static Result<std::unique_ptr<StillDecoder>> create(const Stream& stream, StillSize size,
                                                                    OnStill on_still);
  ~StillDecoder();
  StillDecoder(const StillDecoder&) = delete;
  StillDecoder& operator=(const StillDecoder&) = delete;

  [[nodiscard]] Result<void> decode(std::size_t number, Bytes data);
  /// Everything that was put in comes out.
  [[nodiscard]] Result<void> drain();

 private:
  StillDecoder(support::Owned<GstElement> pipeline, OnStill on_still);
  [[nodiscard]] Result<bool> pull(GstClockTime timeout);

  support::Owned<GstElement> pipeline_, source_, sink_;
  OnStill on_still_;
  std::size_t in_ = 0, out_ = 0;
};

[[nodiscard]] Result<Bytes> to_jpeg(GstSample* picture);
/// Mean brightness, 0..255.
[[nodiscard]] unsigned brightness(GstSample* picture);

/// A sheet of equal tiles.
class Sheet final {
 public:
  Sheet(StillSize tile, unsigned columns, unsigned rows);
  void put(unsigned index, GstSample* picture);
  [[nodiscard]] Result<Bytes> to_jpeg() const;

 private:
  GstVideoInfo info_;
  support::Owned<GstBuffer> buffer_;
  StillSize tile_;
  unsigned columns_;
};

}  // namespace auralink::pipeline::finish
