// SPDX-License-Identifier: LGPL-2.1-or-later
// Mends movie fragments (ISO/IEC 14496-12, 8.8) that GStreamer 1.22's mp4mux writes wrongly. Pure.
#pragma once

#include <cstdint>
#include <span>

namespace auralink::pipeline {

/// `box` is one whole moof. In fragment-mode=first-moov-then-finalise mp4mux 1.22.0 begins a track fragment
/// with the size of its first sample as default, takes the default back (tfhd flag 0x10) when another sample
/// differs, and still omits the size of every later run that happens to be as large as the first: those
/// samples get size 0, and players refuse the whole file. Only a file that was never finished shows it.
///
/// Puts the default back without changing the length of the box: its four bytes are taken from the explicit
/// size of the first run or, where that cannot be, from default flags that say no more than "sync sample".
/// Returns how many track fragments were mended; bytes that are not such a box are left alone.
unsigned mend_moof(std::span<std::uint8_t> box) noexcept;

}  // namespace auralink::pipeline
