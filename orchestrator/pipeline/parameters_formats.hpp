// SPDX-License-Identifier: LGPL-2.1-or-later
// The `format` names a parameter schema may use. JSON Schema only annotates with them; here they are
// enforced. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace auralink::pipeline::parts {

[[nodiscard]] std::span<const std::string_view> format_names() noexcept;

/// What is wrong with `text` as `format`; empty when nothing is.
[[nodiscard]] std::string format_fault(std::string_view format, const std::string& text);

}  // namespace auralink::pipeline::parts
