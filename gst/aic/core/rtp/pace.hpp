// SPDX-License-Identifier: LGPL-2.1-or-later
// Which profile an access unit may have, so that coding it keeps the deadline and the processor has room.
// Learns from what coding took. Pure: time is media time, in microseconds. Thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "gst/aic/core/codec.hpp"

namespace auralink::aic::rtp {

struct PaceSettings {
  Profile best = Profile::kMax;  ///< the most that is spent
  bool adaptive = true;          ///< cheaper ones are allowed too
  std::uint32_t deadline_us = 40'000;
  /// Share of one core that coding may take: above `high` for a second it steps down, and up again when it
  /// would have stayed below `low` for some seconds.
  double high = 0.80;
  double low = 0.50;
};

class Pace final {
 public:
  enum class Why : std::uint8_t { kFits, kDeadline, kPressure };
  struct Choice {
    std::optional<Profile> profile;  ///< empty: native
    Why why = Why::kFits;            ///< what kept it from the best profile
  };
  [[nodiscard]] Choice choose(const PaceSettings& settings, std::size_t bytes) noexcept;
  /// What coding an access unit of `bytes` native bytes took, verification included.
  void took(Profile profile, std::size_t bytes, std::uint32_t micros) noexcept;
  /// Media time has gone on; call for every access unit, coded or not.
  void advance(const PaceSettings& settings, std::uint32_t media_us) noexcept;
  /// The share of a core that the last full second took.
  [[nodiscard]] double load() const noexcept { return load_; }

 private:
  static constexpr std::size_t kProfiles = 3;
  static constexpr std::size_t kSizes = 24;  // powers of two of bytes
  /// Mean and mean deviation of the time for access units of about one size, as TCP keeps its round-trip
  /// time.
  struct Estimate {
    double mean = 0;
    double deviation = 0;
    bool known = false;
    [[nodiscard]] double upper() const noexcept { return mean + 2 * deviation; }
  };
  [[nodiscard]] std::optional<double> nearest(std::size_t profile, std::size_t bytes) const noexcept;
  [[nodiscard]] double predict(std::size_t profile, std::size_t bytes) const noexcept;
  void judge(const PaceSettings& settings) noexcept;

  std::array<std::array<Estimate, kSizes>, kProfiles> estimates_{};
  std::size_t steps_ = 0;  // down from the best profile because of pressure; one past the last is native
  double load_ = 0;
  double load_when_left_ = 0;  // of the step above, when it was left
  std::uint64_t window_us_ = 0;
  std::uint64_t spent_us_ = 0;
  std::uint32_t calm_windows_ = 0;
  std::uint32_t patience_ = 5;  // calm windows wanted before the next step up; doubled by each that failed
  std::uint32_t trial_ = 0;     // windows that the last step up has yet to last
};

}  // namespace auralink::aic::rtp
