// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes: parse() answers, and what it accepts survives being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "orchestrator/json/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace auralink::json;
  const auto value = parse({reinterpret_cast<const char*>(data), size});
  if (!value) {
    if (value.error().empty()) std::abort();  // a refusal says why
    return 0;
  }
  const auto again = parse(value->dump(), {.bytes = SIZE_MAX});
  if (!again || *again != *value) std::abort();
  return 0;
}
