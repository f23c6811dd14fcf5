// SPDX-License-Identifier: LGPL-2.1-or-later
// openapi.json as it is served. Made by the build, so that the contract and the program cannot be of two
// versions.
#pragma once

#include <string_view>

namespace auralink::api {

[[nodiscard]] std::string_view openapi_text() noexcept;  ///< JSON, without white space

}  // namespace auralink::api
