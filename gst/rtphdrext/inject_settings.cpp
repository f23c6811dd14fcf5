// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/inject_settings.hpp"

#include <array>
#include <utility>
#include <variant>

namespace auralink::rtphdrext {
namespace {

constexpr char kKindsName[] = "RtpExtInjectKinds";

template <std::size_t... kIndex>
constexpr std::array<support::FlagValue, sizeof...(kIndex)> flags(std::index_sequence<kIndex...>) {
  return {support::FlagValue{1U << kIndex, kKinds[kIndex].nick.data(), kKinds[kIndex].uri.data()}...};
}
constexpr auto kKindFlags = flags(std::make_index_sequence<kKinds.size()>{});

}  // namespace

GType kinds_type() { return support::flags_type<kKindsName, kKindFlags>(); }

void Settings::settle() {
  auto result = assign(*this, stream);
  if (auto* usable = std::get_if<Assignment>(&result)) {
    assignment = std::make_shared<const Assignment>(std::move(*usable));
    complaint.reset();
  } else {
    complaint = std::get<Complaint>(std::move(result));
  }
}

}  // namespace auralink::rtphdrext
