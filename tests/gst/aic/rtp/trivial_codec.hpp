// SPDX-License-Identifier: LGPL-2.1-or-later
// The smallest codec with a state that is honest: it codes an access unit as its difference from the one
// before, with runs of zeros counted, so that from any other state other bytes come out. It drives the
// tunnel's state machines in tests.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gst/aic/core/rtp/engine.hpp"
#include "gst/aic/core/rtp/shape.hpp"
#include "gst/aic/core/rtp/wire.hpp"

namespace auralink::aic::rtp::test {

class TrivialCodec final : public Engine {
 public:
  explicit TrivialCodec(bool with_mirror = true) : with_mirror_{with_mirror} {}

  struct Memory {
    std::vector<std::uint8_t> previous;  ///< last NAL unit of the access unit before
    std::uint32_t hash = 0x811C9DC5U;
    bool parameters = false;
    std::vector<std::uint8_t> note;  ///< parameter sets that the far end has not seen
  };
  Memory state, mirror;
  std::array<Memory, 2> kept;
  std::uint32_t micros = 100;  ///< what each call claims to take
  bool breaks = false;         ///< writes what cannot be decoded
  h264::Refusal refuses = h264::Refusal::kNone;
  bool deaf = false;  ///< understands nothing

  Coded encode(Profile /*profile*/, const AccessUnit& unit, std::vector<std::uint8_t>& out) override {
    if (refuses != h264::Refusal::kNone) return {.refusal = refuses, .micros = micros};
    if (!state.parameters && !has_sps(unit))
      return {.refusal = h264::Refusal::kUnknownParameters, .micros = micros};
    put_varint(out, static_cast<std::uint32_t>(state.note.size()));
    put(out, state.note);
    state.note.clear();
    put_varint(out, static_cast<std::uint32_t>(unit.count()));
    for (std::size_t i = 0; i < unit.count(); ++i)
      put_varint(out, static_cast<std::uint32_t>(unit.nal(i).size()));
    for (std::size_t i = 0; i < unit.bytes.size();) {
      std::size_t zeros = 0;
      while (zeros < 127 && i + zeros < unit.bytes.size() && difference(state, unit, i + zeros) == 0) ++zeros;
      if (zeros > 0) {
        put_u8(out, static_cast<std::uint32_t>(zeros));
        i += zeros;
        continue;
      }
      std::size_t others = 1;
      while (others < 127 && i + others < unit.bytes.size() && difference(state, unit, i + others) != 0)
        ++others;
      put_u8(out, static_cast<std::uint32_t>(0x80U | others));
      for (std::size_t k = 0; k < others; ++k, ++i) put_u8(out, difference(state, unit, i));
    }
    if (breaks) out.back() ^= 1U;
    learn(state, unit);
    return {.micros = micros};
  }
  bool undo() override {
    if (with_mirror_) state = mirror;
    return with_mirror_;
  }
  Verified verify(Profile profile, const AccessUnit& unit, Bytes coded) override {
    if (!with_mirror_) return {.ok = true, .micros = 0};
    AccessUnit again;
    return {.ok = decode_with(mirror, profile, coded, again) && again == unit, .micros = micros};
  }
  void note_native(const AccessUnit& unit) override {
    if (!has_sps(unit)) return;
    state.parameters = true;
    state.note.assign(unit.bytes.begin(), unit.bytes.end());
  }
  Restored decode(Profile profile, Bytes coded, AccessUnit& out) override {
    return {.ok = !deaf && decode_with(state, profile, coded, out), .micros = micros};
  }
  void reset() override { state = mirror = Memory{}; }
  std::uint32_t hash() const override { return state.hash; }
  void keep(Slot slot) override { kept.at(static_cast<std::size_t>(slot)) = state; }
  void restore(Slot slot) override { state = mirror = kept.at(static_cast<std::size_t>(slot)); }

 private:
  static bool has_sps(const AccessUnit& unit) {
    for (std::size_t i = 0; i < unit.count(); ++i)
      if (nal_type(unit.nal(i).front()) == 7) return true;
    return false;
  }
  static std::size_t last_nal(const AccessUnit& unit) {
    return unit.ends.size() > 1 ? unit.ends[unit.ends.size() - 2] : 0;
  }
  static std::uint8_t expected(const Memory& m, const AccessUnit& unit, std::size_t i) {
    const std::size_t begin = last_nal(unit);
    return i >= begin && i - begin < m.previous.size() ? m.previous[i - begin] : std::uint8_t{0};
  }
  static std::uint8_t difference(const Memory& m, const AccessUnit& unit, std::size_t i) {
    return static_cast<std::uint8_t>(unit.bytes[i] ^ expected(m, unit, i));
  }
  static void learn(Memory& m, const AccessUnit& unit) {
    const Bytes last = unit.nal(unit.count() - 1);
    m.previous.assign(last.begin(), last.end());
    for (const std::uint8_t byte : unit.bytes) m.hash = (m.hash ^ byte) * 0x01000193U;
    m.parameters = m.parameters || has_sps(unit);
  }
  static bool decode_with(Memory& m, Profile /*profile*/, Bytes coded, AccessUnit& out) {
    Reader reader{coded};
    (void)reader.take(reader.varint());
    const std::uint32_t count = reader.varint();
    if (!reader.ok() || count == 0 || count > 4096) return false;
    std::size_t total = 0;
    for (std::uint32_t i = 0; i < count; ++i) out.ends.push_back(total += reader.varint());
    if (!reader.ok() || total > (std::size_t{1} << 22U)) return false;
    while (out.bytes.size() < total) {
      const unsigned op = reader.u8();
      if (!reader.ok() || op == 0) return false;
      for (unsigned k = 0; k < (op & 0x7FU); ++k) {
        const std::size_t i = out.bytes.size();
        const unsigned value = (op & 0x80U) != 0 ? reader.u8() : 0U;
        out.bytes.push_back(static_cast<std::uint8_t>(value ^ expected(m, out, i)));
      }
    }
    if (!reader.ok() || out.bytes.size() != total) return false;
    learn(m, out);
    return true;
  }
  bool with_mirror_;
};

}  // namespace auralink::aic::rtp::test
