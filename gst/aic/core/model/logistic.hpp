// SPDX-License-Identifier: LGPL-2.1-or-later
// Probabilities and their logarithmic odds, in integers.
#pragma once

#include <cstdint>

namespace auralink::aic::model {

/// 256 ln(p / (1 - p)) of a probability in 1/65536, within -2047..2047.
[[nodiscard]] int stretch(std::uint32_t probability) noexcept;
/// Its inverse, 24..65512 in 1/65536. Arguments outside -2047..2047 count as these.
[[nodiscard]] int squash(int stretched) noexcept;

}  // namespace auralink::aic::model
