// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/configuration.hpp"

#include <algorithm>

namespace auralink::rtphdrext {
namespace {

struct IdProperty {
  const char* name;
  unsigned Configuration::*id;
};
/// By Kind.
constexpr std::array<IdProperty, kKinds.size()> kIdProperties{{
    {"aic-id", &Configuration::aic_id},
    {"audio-level-id", &Configuration::audio_level_id},
    {"abs-send-time-id", &Configuration::abs_send_time_id},
    {"abs-capture-time-id", &Configuration::abs_capture_time_id},
    {"mid-id", &Configuration::mid_id},
    {"frame-info-id", &Configuration::frame_info_id},
}};

/// Gives out ids, each once, and never one that the caps give to something else.
class Desk final {
 public:
  Desk(const StreamFacts& stream, Assignment& out) noexcept : stream_{stream}, out_{out} {}

  [[nodiscard]] std::optional<Complaint> take(unsigned id, const char* property, const std::string& uri) {
    const auto holder = holders_.find(id);
    if (holder != holders_.end())
      return Complaint{property, "id " + std::to_string(id) + " is also " + holder->second};
    holders_[id] = property;
    if (uri.empty()) return std::nullopt;
    const auto known = stream_.extmap.find(id);
    if (known != stream_.extmap.end() && known->second != uri)
      return Complaint{property, "the caps give id " + std::to_string(id) + " to " + known->second};
    out_.declares[id] = uri;
    return std::nullopt;
  }
  [[nodiscard]] bool taken(unsigned id) const { return holders_.contains(id); }

 private:
  const StreamFacts& stream_;
  Assignment& out_;
  std::map<unsigned, std::string> holders_;
};

std::optional<Complaint> assign_raw(const Configuration& c, Desk& desk, Assignment& out) {
  if (c.data.empty()) return std::nullopt;
  out.raw = Element::from_hex(c.id, c.data);
  if (!out.raw) return Complaint{"data", "expected 1 to 255 bytes in hexadecimal, like 01a2"};
  return desk.take(c.id, "id", c.uri);
}

std::optional<Complaint> assign_kinds(const Configuration& c, const StreamFacts& stream, Desk& desk,
                                      Assignment& out) {
  for (const auto& known : kKinds) {
    const auto index = index_of(known.kind);
    const auto& property = kIdProperties.at(index);
    unsigned id = c.*property.id;
    if (id == 0 && ((c.negotiated >> index) & 1U) != 0) id = stream.id_of(known.uri).value_or(0);
    if (id == 0) continue;
    if (id > kMaxId) return Complaint{property.name, "expected an id of 1 to 255"};
    if (auto complaint = desk.take(id, property.name, std::string{known.uri})) return complaint;
    out.ids.at(index) = static_cast<std::uint8_t>(id);
  }
  return std::nullopt;
}

std::optional<Complaint> assign_mid(const Configuration& c, Assignment& out) {
  const unsigned id = out.id(Kind::kMid);
  if (id == 0) return std::nullopt;
  std::vector<std::uint8_t> bytes(c.mid.size());
  std::transform(c.mid.begin(), c.mid.end(), bytes.begin(),
                 [](char letter) { return static_cast<std::uint8_t>(letter); });
  out.mid = Element::make(id, bytes);
  if (!out.mid) return Complaint{"mid", "expected 1 to 255 bytes of text"};
  return std::nullopt;
}

}  // namespace

std::optional<std::uint8_t> StreamFacts::id_of(std::string_view uri) const noexcept {
  const auto found =
      std::find_if(extmap.begin(), extmap.end(), [&](const auto& entry) { return entry.second == uri; });
  if (found == extmap.end() || found->first < 1 || found->first > kMaxId) return std::nullopt;
  return static_cast<std::uint8_t>(found->first);
}

bool Assignment::idle() const noexcept {
  return !raw && remove.none() && std::all_of(ids.begin(), ids.end(), [](auto id) { return id == 0; });
}

std::variant<Assignment, Complaint> assign(const Configuration& configuration, const StreamFacts& stream) {
  Assignment out;
  Desk desk{stream, out};
  if (auto complaint = assign_raw(configuration, desk, out)) return *complaint;
  if (auto complaint = assign_kinds(configuration, stream, desk, out)) return *complaint;
  if (auto complaint = assign_mid(configuration, out)) return *complaint;
  for (const int id : configuration.remove) {
    if (id < 1 || id > int{kMaxId}) return Complaint{"remove", "expected ids of 1 to 255"};
    if (desk.taken(static_cast<unsigned>(id)))
      return Complaint{"remove", "id " + std::to_string(id) + " is also written"};
    out.remove.set(static_cast<std::size_t>(id));
  }
  if (configuration.audio_level >= 0)
    out.level = AudioLevel{.voice = configuration.voice,
                           .dbov = static_cast<std::uint8_t>(std::min(configuration.audio_level, 127))};
  out.aic = {.mode = configuration.aic_mode,
             .saved = static_cast<std::uint8_t>(std::min(configuration.aic_saved, kMaxAicSaved)),
             .ssim_loss = static_cast<std::uint8_t>(std::min(configuration.aic_ssim_loss, 255U)),
             .epoch = static_cast<std::uint8_t>(configuration.aic_epoch & 0xFFU)};
  out.codec = stream.codec;
  out.mtu = configuration.mtu;
  return out;
}

}  // namespace auralink::rtphdrext
