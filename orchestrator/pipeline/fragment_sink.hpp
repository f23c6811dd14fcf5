// SPDX-License-Identifier: LGPL-2.1-or-later
// The element "fmp4foldersink" of this process: takes what mp4mux writes and keeps a folder of
// segments: HLS (hls_writer) or plain MP4 (segment_writer).
#pragma once

namespace auralink::pipeline {

/// Makes "fmp4foldersink" known to GStreamer. Thread-safe; repeating it is harmless. Needs gst_init().
void register_fragment_sink();

}  // namespace auralink::pipeline
