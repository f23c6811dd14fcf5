// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/codec.hpp"

#include <algorithm>

#include "gst/aic/core/h264/nal.hpp"
#include "gst/aic/core/h264/slice_data.hpp"
#include "gst/aic/core/h264/slice_header.hpp"
#include "gst/aic/core/model/header_coder.hpp"
#include "gst/aic/core/model/macroblock_coder.hpp"
#include "gst/aic/core/model/model.hpp"
#include "gst/aic/core/model/numbers.hpp"

namespace auralink::aic {

using h264::MacroblockMap;
using h264::ParameterSets;
using h264::Pps;
using h264::ReadSlice;
using h264::Refusal;
using h264::Sps;
using model::Direction;
using model::Mixing;
using model::Model;
using model::NumberCoder;

namespace {

/// What follows in the coded access unit.
enum class Item : std::uint8_t {
  kEnd,
  kSlice,
  kRaw,     ///< a NAL unit byte by byte
  kSilent,  ///< the same, not part of the access unit: a parameter set that the other end has not seen
};

// Numbers outside of slices, for NumberCoder; slice header fields have the ids below h264::kFields.
constexpr int kItemId = 40;
constexpr int kNalHeaderId = 41;
constexpr int kLengthId = 42;
constexpr int kSliceEndId = 43;

constexpr std::uint64_t kHashStart = 0xCBF29CE484222325U;  // FNV-1a
constexpr std::uint64_t kHashPrime = 0x100000001B3U;

// Decisions that are sure cost next to nothing, so that few bytes could ask a decoder for minutes of work. It
// stops when a coded access unit wants more than this, ten times what dense pictures take; an encoder that
// comes near appends zeros, which change nothing else.
constexpr std::int64_t kDecisionsAnyway = 8192;
constexpr std::int64_t kDecisionsPerMacroblock = 64;
constexpr std::int64_t kDecisionsPerByte = 128;

bool is_parameter_set(Bytes nal) noexcept { return h264::nal_type(nal) == 7 || h264::nal_type(nal) == 8; }

Mixing mixing_of(Profile profile) noexcept {
  return profile == Profile::kMax ? Mixing::kFull : Mixing::kLight;
}

}  // namespace

struct State::Impl {
  explicit Impl(const Limits& with) : model{with.table_bits}, limits{with} {
    parsed.most = limits.max_macroblocks;
  }
  Impl(const Impl& other) : Impl{other.limits} { *this = other; }
  /// Copies what is remembered and leaves what each picture writes anew.
  Impl& operator=(const Impl& other) {
    if (this == &other) return *this;
    model.remember(other.model);
    sets = other.sets;
    hash = other.hash;
    return *this;
  }
  Impl(Impl&&) = delete;
  Impl& operator=(Impl&&) = delete;
  ~Impl() = default;

  Model model;
  ParameterSets sets;  ///< that both ends know
  std::uint64_t hash = kHashStart;
  Limits limits;

  // Of the encoder, not of the state.
  std::vector<std::vector<std::uint8_t>> unseen;  ///< parameter sets that went by natively
  MacroblockMap parsed;
  std::vector<ReadSlice> slices;
  std::vector<std::uint8_t> scratch;

  void add_to_hash(const AccessUnit& unit) noexcept {
    const auto mix = [this](std::uint64_t value) { hash = (hash ^ value) * kHashPrime; };
    for (const std::uint8_t byte : unit.bytes) mix(byte);
    for (const std::size_t end : unit.ends) mix(end);
  }
};

State::State(const Limits& limits) : impl_{std::make_unique<Impl>(limits)} {}
State::State(const State& other) : impl_{std::make_unique<Impl>(*other.impl_)} {}
State& State::operator=(const State& other) {
  *impl_ = *other.impl_;
  return *this;
}
State::State(State&&) noexcept = default;
State& State::operator=(State&&) noexcept = default;
State::~State() = default;

void State::reset() {
  impl_->model.reset();
  impl_->sets = {};
  impl_->hash = kHashStart;
}
void State::thin() { impl_->model.thin(); }
void State::share(const State& same) { impl_->model.share(same.impl_->model); }
std::uint32_t State::hash() const noexcept {
  return static_cast<std::uint32_t>(impl_->hash ^ impl_->hash >> 32U);
}
std::size_t State::memory() const noexcept {
  return sizeof *impl_ + impl_->model.memory() + impl_->parsed.at.capacity() * sizeof(h264::Macroblock);
}

namespace {

/// One access unit in one direction.
template <Direction D>
class UnitCoder final {
 public:
  /// `coded_size`: of what is decoded.
  UnitCoder(State::Impl& state, Profile profile, std::size_t coded_size = 0) noexcept
      : state_{state},
        model_{state.model},
        numbers_{state.model.coder},
        profile_{profile},
        affordable_{static_cast<std::int64_t>(coded_size) * kDecisionsPerByte} {}

  /// The bytes that the coded access unit has at least.
  [[nodiscard]] std::size_t encode(const AccessUnit& unit, ParameterSets& sets) {
    for (const auto& nal : state_.unseen) raw(Item::kSilent, nal);
    std::size_t slice = 0;
    for (std::size_t i = 0; i < unit.count(); ++i) {
      const Bytes nal = unit.nal(i);
      if (h264::is_slice(nal)) {
        static_cast<void>(item(Item::kSlice));
        ReadSlice& read = state_.slices[slice++];
        static_cast<void>(code_slice(read.header, read.end, sets));
      } else {
        raw(Item::kRaw, nal);
      }
    }
    static_cast<void>(item(Item::kEnd));
    finish_picture();
    return static_cast<std::size_t>((affordable_ + kDecisionsPerByte - 1) / kDecisionsPerByte);
  }

  [[nodiscard]] bool decode(AccessUnit& out) {
    std::vector<std::uint8_t> nal;
    for (;;) {
      const Item next = item(Item::kEnd);
      if (!goes_on()) return false;
      if (next == Item::kEnd) break;
      if (next == Item::kSlice) {
        h264::SliceHeader header;
        int end = 0;
        if (!code_slice(header, end, state_.sets)) return false;
        nal.clear();
        const Pps& pps = state_.sets.pps[header.pps];
        h264::write_slice(header, state_.sets.sps[static_cast<std::size_t>(pps.sps)], pps, end,
                          model_.work->current, nal);
      } else if (!read_raw(nal, out.bytes.size())) {
        return false;
      }
      if (next != Item::kSlice && is_parameter_set(nal)) {
        if (pictures_ > 0) return false;
        state_.sets.take(nal);
      }
      if (next != Item::kSilent) out.add(nal);
      if (out.bytes.size() > state_.limits.max_access_unit) return false;
    }
    finish_picture();
    return true;
  }

 private:
  /// Asked after every part, so that both directions count alike: whether decoding may go on.
  [[nodiscard]] bool goes_on() noexcept {
    const std::int64_t beyond =
        std::int64_t{model_.coder.decisions()} - kDecisionsAnyway - kDecisionsPerMacroblock * macroblocks_;
    if constexpr (D == Direction::kEncode) {
      affordable_ = std::max(affordable_, beyond);
      return true;
    }
    return beyond <= affordable_ && !model_.coder.exhausted();
  }

  Item item(Item value) {
    const auto coded = static_cast<Item>(numbers_.bits(kItemId, static_cast<unsigned>(value), 2));
    if constexpr (D == Direction::kEncode) static_cast<void>(goes_on());
    return coded;
  }

  void raw(Item kind, Bytes nal) {
    static_cast<void>(item(kind));
    static_cast<void>(numbers_.number(kLengthId, nal.size()));
    std::uint8_t before = 0;
    for (const std::uint8_t byte : nal) {
      static_cast<void>(goes_on());
      before = code_byte(byte, before);
    }
  }
  [[nodiscard]] bool read_raw(std::vector<std::uint8_t>& nal, std::size_t so_far) {
    nal.clear();
    const std::uint64_t length = numbers_.number(kLengthId, 0);
    if (length == 0 || length > state_.limits.max_access_unit - so_far) return false;
    std::uint8_t before = 0;
    for (std::uint64_t i = 0; i < length; ++i) {
      if (!goes_on()) return false;
      before = code_byte(0, before);
      nal.push_back(before);
    }
    return true;
  }
  std::uint8_t code_byte(std::uint8_t value, std::uint8_t before) {
    unsigned out = 1;
    for (int i = 7; i >= 0; --i) {
      const int node = static_cast<int>(out & 63U);
      model_.coder.begin(model::Class::kRaw, node);
      model_.coder.add(model::pack(static_cast<int>(out >> 6U)));
      model_.coder.add(model::pack(static_cast<int>(out >> 6U), before));
      out = out * 2 + (model_.coder.template code<D>((value >> i & 1) != 0, node) ? 1 : 0);
    }
    return static_cast<std::uint8_t>(out);
  }

  /// Header, end and macroblocks. A picture's slices come in order, so that work is bounded by its size.
  [[nodiscard]] bool code_slice(h264::SliceHeader& header, int& end, const ParameterSets& sets) {
    const auto nal_header = static_cast<unsigned>(header.ref_idc << 5U | header.nal_type);
    const unsigned coded = numbers_.bits(kNalHeaderId, nal_header, 8);
    header.nal_type = coded & 31U;
    header.ref_idc = static_cast<std::uint8_t>(coded >> 5U & 3U);
    if (header.nal_type != 1 && header.nal_type != 5) return false;
    model::HeaderCoder<D> io{model_, header};
    const Sps* sps = nullptr;
    const Pps* pps = nullptr;
    if (h264::walk(io, header, h264::Among{sets}, sps, pps) != Refusal::kNone) return false;
    const int first = static_cast<int>(header.first_mb);
    const int size = sps->width * sps->height;
    if (size > state_.limits.max_macroblocks || first < next_ || (header.nal_type == 5 && header.predicted()))
      return false;
    if (pictures_ == 0) {
      model_.resize(sps->width, sps->height);
      model_.begin_picture();
      pictures_ = 1;
    } else if (model_.width != sps->width || model_.height != sps->height) {
      return false;
    }
    const std::int64_t count = numbers_.expected(kSliceEndId, end - first, size - first);
    if (count <= 0 || count > size - first) return false;
    end = first + static_cast<int>(count);
    next_ = end;
    macroblocks_ += count;
    idr_ = header.nal_type == 5;
    reference_ = header.ref_idc != 0;
    max_references_ = sps->max_ref_frames;
    const bool deblocks = pps->deblocking_control && header.disable_deblocking != 1;
    model_.work->filters.push_back({static_cast<int>(header.disable_deblocking),
                                    deblocks ? header.alpha_offset_div2 * 2 : 0,
                                    deblocks ? header.beta_offset_div2 * 2 : 0, pps->chroma_qp_offset});
    const model::SliceContext slice{header,
                                    *sps,
                                    *pps,
                                    static_cast<std::int32_t>(model_.work->filters.size()) - 1,
                                    profile_ != Profile::kFast,
                                    profile_ == Profile::kMax};
    model::MacroblockCoder<D> macroblocks{model_, slice, D == Direction::kEncode ? &state_.parsed : nullptr};
    for (int address = first; address < end; ++address)
      if (!macroblocks.code(address) || !goes_on()) return false;
    return true;
  }

  void finish_picture() {
    if (pictures_ == 0) return;
    model_.end_picture(profile_ != Profile::kFast, reference_, idr_ ? 1 : max_references_);
    model_.headers.last_was_reference = reference_;
  }

  State::Impl& state_;
  Model& model_;
  NumberCoder<D> numbers_;
  Profile profile_;
  int pictures_ = 0;
  int next_ = 0;  // the lowest address that the next slice may begin at
  bool idr_ = false;
  bool reference_ = false;
  int max_references_ = 1;
  std::int64_t macroblocks_ = 0;  // of all slices so far
  std::int64_t affordable_ = 0;   // decisions by the coded size; encoding: the most that were made so far
};

/// Whether all of the access unit can be coded; fills the encoder's parsed picture and slices.
Refusal parse(State::Impl& state, const AccessUnit& unit, ParameterSets& sets) {
  if (unit.bytes.size() > state.limits.max_access_unit) return Refusal::kTooLarge;
  state.slices.clear();
  state.parsed.begin_picture();
  for (std::size_t i = 0; i < unit.count(); ++i) {
    const Bytes nal = unit.nal(i);
    if (nal.empty()) return Refusal::kMalformed;
    if (is_parameter_set(nal)) {
      if (!state.slices.empty()) return Refusal::kUnsupported;
      sets.take(nal);
    }
    if (!h264::is_slice(nal)) continue;
    ReadSlice slice;
    const Refusal refusal = h264::read_exactly(nal, sets, static_cast<std::int32_t>(state.slices.size()),
                                               state.parsed, slice, state.scratch);
    if (refusal != Refusal::kNone) return refusal;
    if (!state.slices.empty()) {
      const ReadSlice& before = state.slices.back();
      // Another picture, another order, or what a decoder would find odd.
      if (static_cast<int>(slice.header.first_mb) < before.end || slice.sps != before.sps ||
          slice.header.nal_type != before.header.nal_type)
        return Refusal::kUnsupported;
    }
    state.slices.push_back(slice);
  }
  return state.slices.empty() ? Refusal::kNoSlice : Refusal::kNone;
}

}  // namespace

Encoded encode(State& state, Profile profile, const AccessUnit& unit, std::vector<std::uint8_t>& out) {
  State::Impl& s = state.impl();
  out.clear();
  ParameterSets sets = s.sets;
  for (const auto& nal : s.unseen) sets.take(nal);
  if (const Refusal refusal = parse(s, unit, sets); refusal != Refusal::kNone) return {refusal, 0};
  s.model.coder.start_encoding(mixing_of(profile), out);
  const std::size_t least = UnitCoder<Direction::kEncode>{s, profile}.encode(unit, sets);
  s.model.coder.finish_encoding();
  out.resize(std::max(out.size(), least));
  s.sets = sets;
  s.unseen.clear();
  s.add_to_hash(unit);
  return {Refusal::kNone, s.model.coder.decisions()};
}

void note_native(State& state, const AccessUnit& unit) {
  State::Impl& s = state.impl();
  for (std::size_t i = 0; i < unit.count(); ++i) {
    const Bytes nal = unit.nal(i);
    if (!is_parameter_set(nal)) continue;
    ParameterSets known = s.sets;
    for (const auto& unseen : s.unseen) known.take(unseen);
    ParameterSets with = known;
    with.take(nal);
    if (with != known) s.unseen.emplace_back(nal.begin(), nal.end());
  }
}

Decoded decode(State& state, Profile profile, Bytes coded, AccessUnit& out) {
  State::Impl& s = state.impl();
  out.clear();
  s.model.coder.start_decoding(mixing_of(profile), coded);
  if (!UnitCoder<Direction::kDecode>{s, profile, coded.size()}.decode(out)) return Decoded::kCorrupt;
  s.add_to_hash(out);
  return Decoded::kOk;
}

}  // namespace auralink::aic
