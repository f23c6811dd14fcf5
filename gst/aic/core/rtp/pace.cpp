// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/pace.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace auralink::aic::rtp {
namespace {

// Before anything is known: microseconds per byte, coding and verifying, on a slow core, and the relation
// between profiles. The first access unit corrects it.
constexpr double kPriorPerByte = 4.0;
constexpr std::array<double, 3> kCost{1.0, 0.7, 0.4};
constexpr double kMargin = 1.25;
constexpr double kGain = 0.125;
constexpr double kDeviationGain = 0.25;
constexpr double kForget = 0.98;  // per refusal, so that one slow moment does not forbid a size for ever

constexpr std::uint64_t kWindowUs = 1'000'000;
constexpr std::uint32_t kMaxStepUs = 1'000'000;  // of media time: a jump of timestamps is not idleness
constexpr std::uint32_t kFirstPatience = 5;
constexpr std::uint32_t kMaxPatience = 60;

std::size_t size_class(std::size_t bytes) noexcept {
  return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(bytes)), 23);
}

}  // namespace

/// From the nearest size that was seen; larger ones first, since small access units cost more per byte.
std::optional<double> Pace::nearest(std::size_t profile, std::size_t bytes) const noexcept {
  const std::size_t wanted = size_class(bytes);
  const auto& row = estimates_.at(profile);
  for (std::size_t d = 0; d < kSizes; ++d) {
    for (const bool up : {true, false}) {
      if (up ? wanted + d >= kSizes : d > wanted) continue;
      const std::size_t at = up ? wanted + d : wanted - d;
      if (row.at(at).known)
        return row.at(at).upper() * std::ldexp(1.0, static_cast<int>(wanted) - static_cast<int>(at));
    }
  }
  return std::nullopt;
}

/// What cheaper profiles take also tells what this one would: without that a profile that was once too slow,
/// and so is not used, would never be found fast again.
double Pace::predict(std::size_t profile, std::size_t bytes) const noexcept {
  std::optional<double> least = nearest(profile, bytes);
  for (std::size_t other = 0; other < kProfiles; ++other) {
    const auto known = nearest(other, bytes);
    if (other == profile || !known || (other < profile && least)) continue;
    const double margin = least ? kMargin : 1.0;
    const double value = *known * margin * kCost.at(profile) / kCost.at(other);
    least = least ? std::min(*least, value) : value;
  }
  return least.value_or(kPriorPerByte * static_cast<double>(bytes) * kCost.at(profile));
}

Pace::Choice Pace::choose(const PaceSettings& settings, std::size_t bytes) noexcept {
  const std::size_t best = static_cast<std::size_t>(settings.best);
  const std::size_t last = settings.adaptive ? kProfiles - 1 : best;
  const std::size_t from = best + steps_;
  if (from > last) return {.profile = std::nullopt, .why = Why::kPressure};
  for (std::size_t profile = from; profile <= last; ++profile)
    if (predict(profile, bytes) <= settings.deadline_us)
      return {.profile = static_cast<Profile>(profile),
              .why = profile == best  ? Why::kFits
                     : profile > from ? Why::kDeadline
                                      : Why::kPressure};
  for (auto& row : estimates_)
    for (auto& estimate : row) estimate.mean *= kForget, estimate.deviation *= kForget;
  return {.profile = std::nullopt, .why = Why::kDeadline};
}

void Pace::took(Profile profile, std::size_t bytes, std::uint32_t micros) noexcept {
  spent_us_ += micros;
  Estimate& estimate = estimates_.at(static_cast<std::size_t>(profile)).at(size_class(bytes));
  const double value = micros;
  if (!estimate.known) {
    estimate = {.mean = value, .deviation = value / 4, .known = true};
    return;
  }
  const double error = value - estimate.mean;
  estimate.mean += kGain * error;
  estimate.deviation += kDeviationGain * (std::abs(error) - estimate.deviation);
}

void Pace::advance(const PaceSettings& settings, std::uint32_t media_us) noexcept {
  window_us_ += std::min(media_us, kMaxStepUs);
  if (window_us_ < kWindowUs) return;
  load_ = static_cast<double>(spent_us_) / static_cast<double>(window_us_);
  window_us_ = spent_us_ = 0;
  judge(settings);
}

void Pace::judge(const PaceSettings& settings) noexcept {
  const std::size_t best = static_cast<std::size_t>(settings.best);
  const std::size_t steps = settings.adaptive ? kProfiles - best : 1;  // the last one is native
  steps_ = std::min(steps_, steps);
  const bool on_trial = trial_ > 0;
  if (on_trial && --trial_ == 0) patience_ = kFirstPatience;
  if (load_ > settings.high && steps_ < steps) {
    if (on_trial) patience_ = std::min(patience_ * 2, kMaxPatience);
    trial_ = 0;
    load_when_left_ = load_;
    ++steps_;
    calm_windows_ = 0;
    return;
  }
  if (steps_ == 0) return;
  // What the step above would take: from this load, or when nothing is coded, from what it took when it was
  // left, halved each time that it is considered: a busy machine may have become an idle one.
  const std::size_t now = best + steps_;
  double above = load_when_left_;
  if (now < kProfiles)
    above = load_ * kCost.at(now - 1) / kCost.at(now);
  else if (calm_windows_ + 1 >= patience_)
    load_when_left_ *= 0.5;
  if (above >= settings.low && now < kProfiles) {
    calm_windows_ = 0;
    return;
  }
  if (++calm_windows_ < patience_) return;
  calm_windows_ = 0;
  if (above >= settings.high) return;
  --steps_;
  trial_ = kFirstPatience;
}

}  // namespace auralink::aic::rtp
