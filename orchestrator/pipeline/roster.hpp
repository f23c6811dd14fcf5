// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is in the picture: which inputs of a mixer are present at a given moment of its output. Pure;
// thread-compatible: the caller locks.
//
// A participant gets a tile with the very output frame for which its first picture is there, and loses it
// when it leaves or falls silent; so no tile is ever drawn empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace auralink::pipeline {

class Roster {
 public:
  using Id = std::uint64_t;

  /// `rank` orders the members, equal ones as they join. `timeout`: ns without data after which an input
  /// counts as absent; 0 never.
  Id join(std::string name, std::size_t rank, std::int64_t timeout);
  void leave(Id) noexcept;
  /// Data with this running time is now queued at the mixer.
  void on_data(Id, std::int64_t running_time) noexcept;

  struct Member {
    Id id = 0;
    std::string name;
    bool present = false;
  };
  /// Presence for output that starts at `running_time`. True when it differs from the last call's.
  bool update(std::int64_t running_time) noexcept;
  /// By rank, as of the last update().
  [[nodiscard]] const std::vector<Member>& members() const noexcept { return members_; }

 private:
  struct Input {
    std::size_t rank = 0;
    std::int64_t timeout = 0;
    std::optional<std::int64_t> first, last;
  };
  [[nodiscard]] static bool present(const Input&, std::int64_t running_time) noexcept;

  Id next_ = 1;
  bool changed_ = false;
  std::vector<Member> members_;
  std::vector<Input> inputs_;  // parallel to members_
};

}  // namespace auralink::pipeline
