// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/h264/cavlc.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "gst/aic/core/h264/cavlc_tables.hpp"

namespace auralink::aic::h264 {
namespace {

/// What the next bits say, looked up by as many of them as the longest code has. Length 0: no code.
struct Symbol {
  std::uint8_t length = 0;
  std::uint8_t value = 0;
};

template <std::size_t kBits, std::size_t kCount>
constexpr auto direct(const std::array<Code, kCount>& codes) {
  std::array<Symbol, std::size_t{1} << kBits> table{};
  for (std::size_t value = 0; value < kCount; ++value) {
    const Code code = codes[value];
    if (code.length == 0) continue;
    const std::size_t free = kBits - code.length;
    for (std::size_t rest = 0; rest < std::size_t{1} << free; ++rest)
      table[(std::size_t{code.bits} << free) + rest] = {code.length, static_cast<std::uint8_t>(value)};
  }
  return table;
}

/// coeff_token's codes are up to 16 bits long, but what follows the first one-bit is at most three: tables by
/// the number of leading zeros and three bits stay within the first-level cache.
constexpr std::size_t kAfterOne = 3;
constexpr auto by_zeros(const std::array<Code, 68>& codes) {
  std::array<Symbol, 16U << kAfterOne> table{};
  for (std::size_t value = 0; value < codes.size(); ++value) {
    const Code code = codes[value];
    if (code.length == 0) continue;
    const auto zeros = static_cast<std::size_t>(code.length - std::bit_width(code.bits));
    const std::size_t tail = code.length - zeros - 1;
    const std::size_t bits = std::size_t{code.bits} - std::bit_floor(code.bits);
    const std::size_t free = kAfterOne - tail;
    for (std::size_t rest = 0; rest < std::size_t{1} << free; ++rest)
      table[(zeros << kAfterOne) + (bits << free) + rest] = {code.length, static_cast<std::uint8_t>(value)};
  }
  return table;
}
constexpr std::array kTokenByZeros{by_zeros(kCoeffToken[0]), by_zeros(kCoeffToken[1]),
                                   by_zeros(kCoeffToken[2])};
constexpr auto kTokenChromaDc = direct<8>(kCoeffTokenChromaDc);
constexpr auto kZeros = [] {
  std::array<std::array<Symbol, 512>, 15> tables{};
  for (std::size_t i = 0; i < tables.size(); ++i) tables[i] = direct<9>(kTotalZeros[i]);
  return tables;
}();
constexpr auto kZerosChromaDc = [] {
  std::array<std::array<Symbol, 8>, 3> tables{};
  for (std::size_t i = 0; i < tables.size(); ++i) tables[i] = direct<3>(kTotalZerosChromaDc[i]);
  return tables;
}();
constexpr auto kRuns = [] {
  std::array<std::array<Symbol, 8>, 6> tables{};
  for (std::size_t i = 0; i < tables.size(); ++i) tables[i] = direct<3>(kRunBefore[i]);
  return tables;
}();

/// Which coeff_token table an nC >= 0 chooses.
std::size_t token_table(int nc) noexcept { return nc < 2 ? 0 : nc < 4 ? 1 : nc < 8 ? 2 : 3; }

Symbol token(const BitReader& bits, int nc) noexcept {
  if (nc == kChromaDc) return kTokenChromaDc[bits.show(8)];
  const std::size_t table = token_table(nc);
  if (table == 3) {  // six bits: TotalCoeff - 1 and TrailingOnes, but 000011 is no coefficient at all
    const std::uint32_t code = bits.show(6);
    return {6, static_cast<std::uint8_t>(code == 3 ? 0 : code + 4)};
  }
  const std::uint32_t ahead = bits.show(19);
  const auto zeros = static_cast<unsigned>(std::countl_zero(ahead << 13U));
  if (zeros > 15) return {};
  return kTokenByZeros[table][(std::size_t{zeros} << kAfterOne) + ((ahead >> (15 - zeros)) & 7U)];
}

/// run_before (9.2.3)
Symbol run(const BitReader& bits, int zeros_left) noexcept {
  const std::uint32_t ahead = bits.show(3);
  if (zeros_left <= 6) return kRuns[static_cast<std::size_t>(zeros_left) - 1][ahead];
  if (ahead != 0) return {3, static_cast<std::uint8_t>(7 - ahead)};
  const unsigned zeros = bits.zeros();
  if (zeros > 10) return {};
  return {static_cast<std::uint8_t>(zeros + 1), static_cast<std::uint8_t>(zeros + 4)};
}

/// suffixLength after a level (9.2.2.1): grows with what has been seen.
int next_suffix_length(int length, int magnitude) noexcept {
  if (length == 0) length = 1;
  return magnitude > (3 << (length - 1)) && length < 6 ? length + 1 : length;
}

/// One level_prefix and level_suffix; false for an impossible one.
bool read_level_code(BitReader& bits, int suffix_length, int& code) noexcept {
  const unsigned prefix = bits.zeros();
  if (prefix > 25) return false;
  bits.skip(prefix + 1);
  int size = suffix_length;
  if (prefix == 14 && suffix_length == 0) size = 4;
  if (prefix >= 15) size = static_cast<int>(prefix) - 3;
  code = static_cast<int>(std::min(prefix, 15U)) << suffix_length;
  code += static_cast<int>(bits.take(static_cast<unsigned>(size)));
  if (prefix >= 15 && suffix_length == 0) code += 15;
  if (prefix >= 16) code += (1 << (prefix - 3)) - 4096;
  return true;
}

void write_level_code(BitWriter& bits, int suffix_length, int code) {
  const auto value = static_cast<std::uint32_t>(code);
  const auto length = static_cast<unsigned>(suffix_length);
  if (suffix_length == 0 && code < 14) return bits.put(value + 1, 1);
  if (suffix_length == 0 && code < 30) {
    bits.put(15, 1);
    return bits.put(4, value - 14);
  }
  if (suffix_length > 0 && code < (15 << suffix_length)) {
    bits.put((value >> length) + 1, 1);
    return bits.put(length, value & ((1U << length) - 1));
  }
  std::uint32_t rest = value - (suffix_length > 0 ? 15U << length : 30U);
  unsigned prefix = 15;
  for (; rest >= 1U << (prefix - 3); ++prefix) rest -= 1U << (prefix - 3);
  bits.put(prefix + 1, 1);
  bits.put(prefix - 3, rest);
}

}  // namespace

int read_block(BitReader& bits, std::int16_t* levels, int max, int nc) noexcept {
  std::memset(levels, 0, static_cast<std::size_t>(max) * sizeof *levels);
  const Symbol coeff_token = token(bits, nc);
  if (coeff_token.length == 0) return -1;
  bits.skip(coeff_token.length);
  const int total = coeff_token.value >> 2;
  const int ones = coeff_token.value & 3;
  if (total > max) return -1;
  if (total == 0) return 0;

  std::array<std::int16_t, 16> found;  // NOLINT(*-member-init): as many as are read below
  for (int i = 0; i < ones; ++i) found[static_cast<std::size_t>(i)] = bits.flag() ? -1 : 1;
  int suffix_length = total > 10 && ones < 3 ? 1 : 0;
  for (int i = ones; i < total; ++i) {
    int code = 0;
    if (!read_level_code(bits, suffix_length, code)) return -1;
    if (i == ones && ones < 3) code += 2;
    const int level = (code & 1) != 0 ? (-code - 1) / 2 : (code + 2) / 2;
    if (level > INT16_MAX || level < INT16_MIN) return -1;
    found[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(level);
    suffix_length = next_suffix_length(suffix_length, std::abs(level));
  }

  int zeros_left = 0;
  if (total < max) {
    const auto index = static_cast<std::size_t>(total) - 1;
    const Symbol zeros = nc == kChromaDc ? kZerosChromaDc[index][bits.show(3)] : kZeros[index][bits.show(9)];
    if (zeros.length == 0 || zeros.value + total > max) return -1;
    bits.skip(zeros.length);
    zeros_left = zeros.value;
  }
  int at = zeros_left + total - 1;
  for (int i = 0; i < total; ++i) {
    levels[at] = found[static_cast<std::size_t>(i)];
    if (i + 1 == total) break;
    if (zeros_left > 0) {
      const Symbol before = run(bits, zeros_left);
      if (before.length == 0 || before.value > zeros_left) return -1;
      bits.skip(before.length);
      zeros_left -= before.value;
      at -= before.value;
    }
    --at;
  }
  return bits.failed() ? -1 : total;
}

void write_block(BitWriter& bits, const std::int16_t* levels, int max, int nc) {
  std::array<int, 16> level{};  // from the highest frequency down
  std::array<int, 16> zeros{};  // below each of them
  int total = 0;
  int gap = 0;
  int all_zeros = 0;
  for (int i = max - 1; i >= 0; --i) {
    if (levels[i] != 0) {
      level[static_cast<std::size_t>(total++)] = levels[i];
      gap = 0;
    } else if (total > 0) {
      zeros[static_cast<std::size_t>(total) - 1] = ++gap;
      ++all_zeros;
    }
  }
  int ones = 0;
  while (ones < 3 && ones < total && std::abs(level[static_cast<std::size_t>(ones)]) == 1) ++ones;
  const auto symbol = static_cast<std::size_t>(total * 4 + ones);
  const Code coeff_token =
      nc == kChromaDc ? kCoeffTokenChromaDc[symbol] : kCoeffToken[token_table(nc)][symbol];
  bits.put(coeff_token.length, coeff_token.bits);
  if (total == 0) return;

  for (int i = 0; i < ones; ++i) bits.flag(level[static_cast<std::size_t>(i)] < 0);
  int suffix_length = total > 10 && ones < 3 ? 1 : 0;
  for (int i = ones; i < total; ++i) {
    const int value = level[static_cast<std::size_t>(i)];
    int code = value > 0 ? 2 * value - 2 : -2 * value - 1;
    if (i == ones && ones < 3) code -= 2;
    write_level_code(bits, suffix_length, code);
    suffix_length = next_suffix_length(suffix_length, std::abs(value));
  }

  if (total < max) {
    const auto index = static_cast<std::size_t>(total) - 1;
    const auto count = static_cast<std::size_t>(all_zeros);
    const Code code = nc == kChromaDc ? kTotalZerosChromaDc[index][count] : kTotalZeros[index][count];
    bits.put(code.length, code.bits);
  }
  int left = all_zeros;
  for (int i = 0; i + 1 < total && left > 0; ++i) {
    const int before = zeros[static_cast<std::size_t>(i)];
    const Code code =
        kRunBefore[static_cast<std::size_t>(std::min(left, 7)) - 1][static_cast<std::size_t>(before)];
    bits.put(code.length, code.bits);
    left -= before;
  }
}

}  // namespace auralink::aic::h264
