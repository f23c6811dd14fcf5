// SPDX-License-Identifier: LGPL-2.1-or-later
// The element "hlsfmp4sink" of this process: takes what mp4mux writes and keeps an HLS recording
// (hls_writer).
#pragma once

namespace auralink::pipeline {

/// Makes "hlsfmp4sink" known to GStreamer. Thread-safe; repeating it is harmless. Needs gst_init().
void register_hls_sink();

}  // namespace auralink::pipeline
