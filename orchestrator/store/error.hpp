// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <stdexcept>

namespace auralink::store {

/// The one exception of this room: the store cannot be opened, read or written. The sentence is for
/// operators.
class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace auralink::store
