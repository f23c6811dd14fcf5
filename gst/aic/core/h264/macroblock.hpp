// SPDX-License-Identifier: LGPL-2.1-or-later
// What one macroblock of a CAVLC Constrained Baseline slice says (H.264 7.3.5), as syntax elements and not as
// their meaning: writing them again gives the bits that were read. Plain data; thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace auralink::aic::h264 {

/// mb_type, in the order in which the model codes it.
enum class MbType : std::uint8_t {
  kSkip,
  k16x16,
  k16x8,
  k8x16,
  k8x8,
  k8x8Ref0,
  kIntra4x4,
  kIntra16x16,
  kPcm
};
[[nodiscard]] constexpr bool is_intra(MbType type) noexcept { return type >= MbType::kIntra4x4; }
[[nodiscard]] constexpr bool is_inter(MbType type) noexcept { return !is_intra(type); }

/// In quarter luma samples; x to the right, y down.
struct MotionVector {
  std::int16_t x = 0;
  std::int16_t y = 0;
  bool operator==(const MotionVector&) const = default;
};

/// Coefficients of one block in scan order, element 0 the lowest frequency.
using Block = std::array<std::int16_t, 16>;

/// Blocks of 4x4 luma samples are counted in raster order (0..15), chroma ones 0..3, unless a name says
/// coding order. Fields that the type does not use hold their defaults: `clear()` sets them before each
/// macroblock is read. Counts say which coefficients are valid: a block whose count is 0 may hold anything.
struct Macroblock {
  std::int32_t slice = -1;  ///< number of its slice within the picture, from 0; -1: not there
  MbType type = MbType::kSkip;
  std::uint8_t intra16_mode = 0;      ///< Intra16x16PredMode 0..3
  std::uint8_t chroma_mode = 0;       ///< intra_chroma_pred_mode 0..3
  std::uint8_t cbp = 0;               ///< luma in bits 0..3, chroma (0..2) in bits 4..5
  std::uint8_t qp = 0;                ///< QPY after mb_qp_delta
  std::int8_t qp_delta = 0;           ///< mb_qp_delta as written
  std::array<std::uint8_t, 4> sub{};  ///< sub_mb_type 0..3 of each 8x8
  std::array<std::int8_t, 4> ref{};   ///< ref_idx of each 8x8; -1 in intra macroblocks
  std::array<std::uint8_t, 16>
      intra4_symbol{};                 ///< coding order: 0 as predicted, else 1 + rem_intra4x4_pred_mode
  std::array<MotionVector, 16> mvd{};  ///< mvd_l0 of the partition that covers the block

  // Derived while modelling, not written.
  std::array<std::uint8_t, 16> intra4_mode{};  ///< Intra4x4PredMode, raster
  std::array<MotionVector, 16> mv{};

  std::array<std::uint8_t, 16>
      total{};  ///< TotalCoeff of each luma block (AC only in Intra16x16); 16 in I_PCM
  std::array<std::array<std::uint8_t, 4>, 2> chroma_total{};  ///< of chroma AC; 16 in I_PCM
  std::uint8_t dc_total = 0;                                  ///< of Intra16x16DCLevel
  std::array<std::uint8_t, 2> chroma_dc_total{};
  std::array<Block, 16> luma{};  ///< element 0 unused in Intra16x16
  Block dc{};                    ///< Intra16x16DCLevel
  std::array<std::array<std::int16_t, 4>, 2> chroma_dc{};
  std::array<std::array<Block, 4>, 2> chroma_ac{};  ///< element 0 unused

  /// All but the coefficients, which the counts guard.
  void clear(std::int32_t in_slice, MbType of_type, std::uint8_t at_qp) noexcept;
  /// Sample i of the 384 of I_PCM: 256 luma, 64 Cb, 64 Cr. They are kept in `luma`, two to an element.
  [[nodiscard]] std::uint8_t pcm_sample(std::size_t i) const noexcept;
  void set_pcm_sample(std::size_t i, std::uint8_t value) noexcept;
};

/// The macroblocks of a picture, raster order.
struct MacroblockMap {
  int width = 0;   ///< in macroblocks
  int height = 0;  ///< in macroblocks
  std::vector<Macroblock> at;

  void resize(int new_width, int new_height);  ///< forgets all when the size changes
  void begin_picture() noexcept;               ///< no macroblock belongs to a slice any more
  [[nodiscard]] int size() const noexcept { return width * height; }
  /// Left (A) and upper (B) neighbour when it is in the same slice, else null (6.4.9).
  [[nodiscard]] const Macroblock* left(int address) const noexcept;
  [[nodiscard]] const Macroblock* above(int address) const noexcept;
};

/// One motion partition, in units of 4 luma samples within its macroblock, in coding order.
struct Partition {
  std::uint8_t x, y, width, height;
  std::uint8_t eighth;  ///< index of the 8x8 that holds its ref_idx
};
struct Partitions {
  std::array<Partition, 16> at;
  int count = 0;
};
[[nodiscard]] Partitions partitions_of(const Macroblock& mb) noexcept;

/// Raster index of the luma block that is coded i-th (6.4.3), and back.
inline constexpr std::array<std::uint8_t, 16> kRasterOfCoding{0, 1, 4,  5,  2,  3,  6,  7,
                                                              8, 9, 12, 13, 10, 11, 14, 15};
inline constexpr std::array<std::uint8_t, 16> kCodingOfRaster =
    kRasterOfCoding;  // the map is its own inverse
/// Raster position of the i-th coefficient of the frame zig-zag scan (8.5.6).
inline constexpr std::array<std::uint8_t, 16> kZigzag{0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};

}  // namespace auralink::aic::h264
