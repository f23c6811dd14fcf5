// SPDX-License-Identifier: LGPL-2.1-or-later
// The lossless engine's face: access units of H.264 in, fewer bytes out, and back. Pure and deterministic;
// the same sequence of calls gives the same bytes and states on every machine. Not thread-safe; one object
// per direction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gst/aic/core/h264/slice.hpp"

namespace auralink::aic {

using Bytes = std::span<const std::uint8_t>;

/// How much is spent per bit. Both ends of a state must agree; it travels with each access unit (a nibble).
enum class Profile : std::uint8_t {
  kMax,   ///< pixels, two or three weight sets, everything
  kLite,  ///< pixels, one weight set, cheaper features
  kFast,  ///< syntax only, no pixels; one weight set
};

/// An access unit: NAL units in decoding order, each from its header byte on, without start codes.
struct AccessUnit {
  std::vector<std::uint8_t> bytes;  ///< of all NAL units, one after the other
  std::vector<std::size_t> ends;    ///< where each ends in `bytes`
  [[nodiscard]] std::size_t count() const noexcept { return ends.size(); }
  [[nodiscard]] Bytes nal(std::size_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : ends[i - 1];
    return Bytes{bytes}.subspan(begin, ends[i] - begin);
  }
  void add(Bytes nal) {
    bytes.insert(bytes.end(), nal.begin(), nal.end());
    ends.push_back(bytes.size());
  }
  void clear() noexcept { bytes.clear(), ends.clear(); }
  bool operator==(const AccessUnit&) const = default;
};

struct Limits {
  std::size_t max_access_unit = std::size_t{4} << 20;  ///< bytes; larger ones are refused
  int max_macroblocks = 8160;                          ///< 1920x1088; larger pictures are refused
  int table_bits = 16;  ///< the context table has 2^table_bits lines of 32 bytes (16: 2 MB)
};

/// Everything that coding depends on: the model and the pictures. Copying is how snapshots are taken. Copies
/// hold the same finished pictures and one workspace: a State and its copies belong to one thread.
class State {
 public:
  explicit State(const Limits& limits);
  State(const State&);
  State& operator=(const State&);
  State(State&&) noexcept;
  State& operator=(State&&) noexcept;
  ~State();
  void reset();  ///< as constructed: both ends have this state without having talked
  [[nodiscard]] std::uint32_t hash()
      const noexcept;  ///< of the sequence of access units since reset(), not of memory
  /// Forgets what the next picture can do without, for a snapshot that is to be small: both ends must.
  void thin();
  /// The other has come to the same state: hold its pictures instead of equal ones.
  void share(const State& same);
  [[nodiscard]] std::size_t memory()
      const noexcept;  ///< bytes held, and the share of those that copies hold too
  struct Impl;
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// What became of an access unit. With any refusal the state is as before and `out` is empty.
struct Encoded {
  h264::Refusal refusal = h264::Refusal::kNone;
  std::uint32_t decisions = 0;  ///< binary decisions coded: the measure of work
};
/// Codes one access unit. Parameter sets in it become known to both ends; those that only went by natively
/// are told to `note_native` and travel, unseen by the receiver's output, with the next coded access unit.
[[nodiscard]] Encoded encode(State& state, Profile profile, const AccessUnit& unit,
                             std::vector<std::uint8_t>& out);
/// An access unit that was sent natively: its parameter sets are remembered.
void note_native(State& state, const AccessUnit& unit);

enum class Decoded : std::uint8_t {
  kOk,
  kCorrupt,  ///< not what encode() wrote from this state; the state is now worthless: reset or restore it
};
/// Restores what encode() was given. Work and memory are bounded by `Limits` whatever the bytes are. The
/// caller checks the result against a checksum that travelled beside it.
[[nodiscard]] Decoded decode(State& state, Profile profile, Bytes coded, AccessUnit& out);

/// Profiles may change from one access unit to the next: all parts of the state are kept usable by every
/// profile.

}  // namespace auralink::aic
