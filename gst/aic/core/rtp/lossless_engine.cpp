// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/lossless_engine.hpp"

#include <algorithm>
#include <limits>

namespace auralink::aic::rtp {

std::uint32_t LosslessEngine::since(Time begin) const noexcept {
  constexpr Time kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<Time>(clock_() - begin, 0, kMax));
}

void LosslessEngine::set_mirror(bool wanted) {
  if (!wanted)
    mirror_.reset();
  else if (!mirror_)
    mirror_.emplace(state_);
}

std::size_t LosslessEngine::memory() const noexcept {
  std::size_t bytes = state_.memory() + (mirror_ ? mirror_->memory() : 0);
  for (const auto& kept : kept_) bytes += kept ? kept->memory() : 0;
  return bytes;
}

Engine::Coded LosslessEngine::encode(Profile profile, const AccessUnit& unit,
                                     std::vector<std::uint8_t>& out) {
  const Time begin = clock_();
  const Encoded encoded = aic::encode(state_, profile, unit, out);
  return {.refusal = encoded.refusal, .micros = since(begin)};
}

bool LosslessEngine::undo() {
  if (!mirror_) return false;
  state_ = *mirror_;
  return true;
}

Engine::Verified LosslessEngine::verify(Profile profile, const AccessUnit& unit, Bytes coded) {
  if (!mirror_) return {};
  const Time begin = clock_();
  scratch_.clear();
  const bool ok = aic::decode(*mirror_, profile, coded, scratch_) == Decoded::kOk && scratch_ == unit &&
                  mirror_->hash() == state_.hash();
  if (ok) mirror_->share(state_);
  return {.ok = ok, .micros = since(begin)};
}

void LosslessEngine::note_native(const AccessUnit& unit) { aic::note_native(state_, unit); }

Engine::Restored LosslessEngine::decode(Profile profile, Bytes coded, AccessUnit& out) {
  const Time begin = clock_();
  const bool ok = aic::decode(state_, profile, coded, out) == Decoded::kOk;
  return {.ok = ok, .micros = since(begin)};
}

void LosslessEngine::reset() {
  state_.reset();
  if (mirror_) mirror_->reset();
}

std::uint32_t LosslessEngine::hash() const { return state_.hash(); }

void LosslessEngine::keep(Slot slot) {
  auto& kept = kept_.at(static_cast<std::size_t>(slot));
  if (kept)
    *kept = state_;
  else
    kept.emplace(state_);
  kept->thin();
}

void LosslessEngine::restore(Slot slot) {
  const auto& kept = kept_.at(static_cast<std::size_t>(slot));
  if (!kept) return reset();
  state_ = *kept;
  if (mirror_) *mirror_ = *kept;
}

void LosslessEngine::forget(Slot slot) { kept_.at(static_cast<std::size_t>(slot)).reset(); }

}  // namespace auralink::aic::rtp
