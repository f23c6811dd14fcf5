// SPDX-License-Identifier: LGPL-2.1-or-later
// The order of elements in a macroblock, its type, and what is common to all.
#include "gst/aic/core/model/macroblock_coder.hpp"

#include <algorithm>
#include <bit>

#include "gst/aic/core/model/quantities.hpp"
#include "gst/aic/core/pixels/quantiser.hpp"

namespace auralink::aic::model {

using h264::Macroblock;
using h264::MbType;
using h264::MotionVector;

namespace {

/// What a decoder has instead of a source.
const Macroblock kNothing{};

}  // namespace

template <Direction D>  // NOLINT(*-member-init): alternatives are filled where they are read
MacroblockCoder<D>::MacroblockCoder(Model& model, const SliceContext& slice,
                                    const h264::MacroblockMap* source) noexcept
    : m_{model},
      coder_{model.coder},
      picture_{model.work->picture},
      slice_{slice},
      source_{source},
      references_{slice.header.references(slice.pps)},
      qp_{slice.header.qp(slice.pps)},
      want_{&kNothing} {}

template <Direction D>
int MacroblockCoder<D>::unary(int value, int from, int most, int first_node, int nodes) {
  int n = from;
  while (n < most && bit(value > n, first_node + std::min(n - from, nodes - 1))) ++n;
  return n;
}

template <Direction D>
int MacroblockCoder<D>::exp_golomb(int value, int first_node, int nodes) {
  const auto code = static_cast<std::uint32_t>(value) + 1;
  const int length = unary(static_cast<int>(std::bit_width(code)) - 1, 0, 16, first_node, nodes);
  std::uint32_t out = 1;
  for (int i = length - 1; i >= 0; --i)
    out =
        out * 2 +
        (bit((code >> static_cast<unsigned>(i) & 1U) != 0, first_node + nodes + std::min(i, nodes - 1)) ? 1
                                                                                                        : 0);
  return static_cast<int>(out) - 1;
}

template <Direction D>
void MacroblockCoder<D>::locate(int address) {
  auto& map = m_.work->current;
  address_ = address;
  mx_ = address % map.width;
  my_ = address / map.width;
  mb_ = &map.at[static_cast<std::size_t>(address)];
  if (source_ != nullptr) want_ = &source_->at[static_cast<std::size_t>(address)];
  history_ = &m_.history[static_cast<std::size_t>(address)];
  mb_->clear(slice_.number, MbType::kSkip, static_cast<std::uint8_t>(qp_));
  // As contexts, neighbours count whatever slice they are in; only what this picture has written.
  const auto coded = [this](bool inside, int offset) -> const Macroblock* {
    const Macroblock* other = mb_ + (inside ? offset : 0);
    return inside && other->slice >= 0 ? other : nullptr;
  };
  left_ = coded(mx_ > 0, -1);
  above_ = coded(my_ > 0, -map.width);
  above_right_ = coded(my_ > 0 && mx_ + 1 < map.width, -map.width + 1);
  above_left_ = coded(my_ > 0 && mx_ > 0, -map.width - 1);
  past_ = past_right_ = past_below_ = past_left_ = past_above_ = nullptr;
  if (!m_.past->empty()) {
    past_ = &(*m_.past)[static_cast<std::size_t>(address)];
    if (mx_ + 1 < map.width) past_right_ = past_ + 1;
    if (my_ + 1 < map.height) past_below_ = past_ + map.width;
    if (mx_ > 0) past_left_ = past_ - 1;
    if (my_ > 0) past_above_ = past_ - map.width;
  }
  motion_ = h264::Motion{map, address};
  motion_size_ = skip_like_ = past_motion_ = 0;
  luma_total_ = mode_ = 0;
  alternatives_made_ = false;
}

template <Direction D>
bool MacroblockCoder<D>::code(int address) {
  bad_ = false;
  locate(address);
  code_type();
  const bool skipped = mb_->type == MbType::kSkip;
  m_.skip_rate += ((skipped ? 255 : 0) - m_.skip_rate) / 16;
  if (skipped) {
    const MotionVector mv = motion_.predict_skip();
    mb_->mv.fill(mv);
    if (slice_.pixels) predict_skip();
    return !bad_;
  }
  if (mb_->type == MbType::kPcm) {
    code_pcm();
    return !bad_;
  }
  if (h264::is_intra(mb_->type)) {
    mb_->ref.fill(-1);
    code_intra_modes();
  } else {
    if (mb_->type >= MbType::k8x8) code_sub_types();
    if (references_ > 1) code_references();
    code_motion();
    if (slice_.pixels) predict_inter();
  }
  code_cbp();
  if (mb_->cbp != 0 || mb_->type == MbType::kIntra16x16) code_qp_delta();
  code_residual();
  return !bad_;
}

template <Direction D>
void MacroblockCoder<D>::code_type() {
  if (slice_.header.predicted()) {
    code_type_in_p();
    return;
  }
  coder_.begin(Class::kTypeIntra);
  coder_.add(pack(type_of(left_), type_of(above_)));
  coder_.add(pack(type_of(left_), type_of(above_), type_of(above_right_), type_of(above_left_)));
  coder_.add(pack(crowd(all_totals(left_)), crowd(all_totals(above_))));
  coder_.add(pack(type_of(past_), type_of(left_), type_of(above_)));
  if (bit(want_->type == MbType::kIntra4x4, 0))
    mb_->type = MbType::kIntra4x4;
  else
    mb_->type = bit(want_->type == MbType::kPcm, 1) ? MbType::kPcm : MbType::kIntra16x16;
}

template <Direction D>
void MacroblockCoder<D>::code_type_in_p() {
  const MotionVector skip = motion_.predict_skip();
  const int left_sum = all_totals(left_);
  const int above_sum = all_totals(above_);
  const int past_sum = all_totals(past_);
  const auto skipped = [](int type, int weight) { return type == 0 ? weight : 0; };
  const int around = skipped(type_of(left_), 1) + skipped(type_of(above_), 2) +
                     skipped(type_of(above_right_), 4) + skipped(type_of(above_left_), 8);
  const bool past_moved = past_ != nullptr && h264::is_inter(past_->type);
  const int past_agrees = past_moved ? (past_->mv[5] == skip ? 1 : 0) : 2;
  int residual_energy = 0;  // has there been residual where a skip would look?
  int texture = 0;          // flat places are skipped
  if (slice_.pixels) {
    const int step = pixels::step_of(qp_);
    for (std::size_t i = 0; i < 4; ++i) residual_energy += accumulated8x8(i, skip);
    residual_energy = log64(residual_energy * 4 / step) / 32;
    texture = log64(place_energy(false) / (step * step / 64 + 1)) / 64;
  }
  const bool right = mx_ + 1 < m_.width;
  const bool below = my_ + 1 < m_.height;

  coder_.begin(Class::kType);
  coder_.add(pack(type_of(left_), type_of(above_)));
  coder_.add(static_cast<std::uint32_t>(address_));
  coder_.add(pack(bucket(skip.x) + bucket(skip.y), past_agrees, type_of(past_)));
  coder_.add(pack(history_->activity >> 3, right ? history_[1].activity >> 4 : 0,
                  below ? history_[m_.width].activity >> 4 : 0));
  coder_.add(pack(texture, around, type_of(past_)));
  if (slice_.pixels) coder_.add(pack(residual_energy, texture, around & 3));
  if (slice_.thorough) coder_.add(pack(crowd(left_sum), crowd(above_sum), crowd(past_sum)));
  coder_.input(256);
  coder_.input(residual_energy * 16);
  coder_.input(texture * 32);
  coder_.input(32 * std::min(left_sum, 16));
  coder_.input(32 * std::min(above_sum, 16));
  coder_.input(32 * std::min(past_sum, 16));
  coder_.input(history_->activity * 2);
  coder_.input((around & 1) * 128 + (around >> 1 & 1) * 128);
  coder_.select(around | skipped(type_of(past_), 16) | (past_agrees == 1 ? 32 : 0), m_.skip_rate >> 2);

  const MbType want = want_->type;
  if (bit(want == MbType::kSkip, 0)) return;
  coder_.select(std::min(type_of(left_), 7) * 8 + std::min(type_of(past_), 7), m_.skip_rate >> 2);
  if (!bit(h264::is_intra(want), 1)) {
    if (bit(want == MbType::k16x16, 2))
      mb_->type = MbType::k16x16;
    else if (bit(want >= MbType::k8x8, 3))
      mb_->type = bit(want == MbType::k8x8Ref0, 4) ? MbType::k8x8Ref0 : MbType::k8x8;
    else
      mb_->type = bit(want == MbType::k8x16, 5) ? MbType::k8x16 : MbType::k16x8;
  } else if (bit(want == MbType::kIntra4x4, 6)) {
    mb_->type = MbType::kIntra4x4;
  } else {
    mb_->type = bit(want == MbType::kPcm, 7) ? MbType::kPcm : MbType::kIntra16x16;
  }
}

template <Direction D>
void MacroblockCoder<D>::code_pcm() {
  mb_->ref.fill(-1);
  mb_->cbp = 47;
  mb_->total.fill(16);
  for (auto& plane : mb_->chroma_total) plane.fill(16);
  for (std::size_t i = 0; i < 384; ++i) {
    unsigned value = 1;
    for (int b = 7; b >= 0; --b) {
      coder_.begin(Class::kRaw, static_cast<int>(value & 63U));
      coder_.add(pack(3, b));
      value = value * 2 + (bit((want_->pcm_sample(i) >> static_cast<unsigned>(b) & 1U) != 0,
                               static_cast<int>(value & 63U))
                               ? 1
                               : 0);
    }
    mb_->set_pcm_sample(i, static_cast<std::uint8_t>(value));
  }
  if (!slice_.pixels) return;
  for (int plane = 0; plane < 3; ++plane) {
    const int size = plane == 0 ? 16 : 8;
    const std::ptrdiff_t stride = picture_.stride(plane);
    std::uint8_t* at = picture_.plane(plane) + my_ * size * stride + mx_ * size;
    const int first = plane == 0 ? 0 : plane == 1 ? 256 : 320;
    for (int y = 0; y < size; ++y)
      for (int x = 0; x < size; ++x)
        at[y * stride + x] = mb_->pcm_sample(static_cast<std::size_t>(first + y * size + x));
  }
  accumulate(false);
}

template <Direction D>
const Past* MacroblockCoder<D>::past_at(int block_x, int block_y, std::size_t& block) const noexcept {
  if (m_.past->empty()) return nullptr;
  const int x = std::clamp(block_x, 0, m_.width * 4 - 1);
  const int y = std::clamp(block_y, 0, m_.height * 4 - 1);
  block = static_cast<std::size_t>((y & 3) * 4 + (x & 3));
  return &(*m_.past)[static_cast<std::size_t>((y >> 2) * m_.width + (x >> 2))];
}

template class MacroblockCoder<Direction::kEncode>;
template class MacroblockCoder<Direction::kDecode>;

}  // namespace auralink::aic::model
