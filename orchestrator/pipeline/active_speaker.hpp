// SPDX-License-Identifier: LGPL-2.1-or-later
// Of very many participants, who is seen and who is heard. Pure; thread-compatible: the caller locks. Time is
// an argument, in nanoseconds of any clock that does not go backwards.
//
// Each participant's loudness is smoothed, quick to rise and slow to fall, so that a cough is no speech and a
// breath no silence. Whoever is loud enough speaks. Seen are those who spoke last, heard are the loudest;
// nobody loses a place within `hold` of getting it or of speaking, unless all places are held and somebody
// else is clearly louder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace auralink::pipeline {

class ActiveSpeaker final {
 public:
  using Id = std::size_t;  ///< 0 up to the number of participants
  using Time = std::int64_t;
  static constexpr std::size_t kEverybody = SIZE_MAX;

  struct Options {
    std::size_t visible = kEverybody;  ///< pictures shown at most
    std::size_t audible = kEverybody;  ///< voices mixed at most
    Time hold = 2'000'000'000;         ///< ns, see above
    Time timeout = 2'000'000'000;      ///< a stream without packets for this many ns is not there
  };

  ActiveSpeaker(Options options, std::size_t participants);

  /// A packet of sound with the level it carries (RFC 6464): 0 is the loudest, 127 silence.
  void on_level(Id who, std::uint8_t dbov, Time now) noexcept;
  /// A packet of sound that carries no level. Packets that follow each other closely count as speech of
  /// middling loudness; the few that a silent sender lets through (RFC 3551 section 4.1) do not.
  void on_sound(Id who, Time now) noexcept;
  /// A packet of the picture.
  void on_picture(Id who, Time now) noexcept;

  struct Choice {
    std::vector<Id> visible;    ///< by place: who stays keeps the index, a newcomer gets that of who leaves
    std::vector<Id> audible;    ///< ascending
    std::optional<Id> speaker;  ///< whose picture is the large one; always among `visible` when it has one
    bool operator==(const Choice&) const = default;
  };
  /// The choice as of `now`. Cheap enough for twenty times a second and thousands of participants.
  const Choice& choose(Time now);
  [[nodiscard]] const Choice& choice() const noexcept { return choice_; }

  [[nodiscard]] bool has_sound(Id who, Time now) const noexcept;
  [[nodiscard]] bool has_picture(Id who, Time now) const noexcept;
  /// Smoothed loudness in dB above silence, 0..127.
  [[nodiscard]] double loudness(Id who, Time now) const noexcept;

 private:
  struct Person {
    double loudness = 0;     // as of heard_at
    Time heard_at = kNever;  // last packet of sound
    Time seen_at = kNever;
    Time spoke_at = kNever;                       // last moment at which it was loud enough
    Time seated_at = kNever, let_in_at = kNever;  // visible and audible since
    bool visible = false, audible = false;
  };
  static constexpr Time kNever = INT64_MIN / 2;

  void towards(Person&, double target, Time now) noexcept;
  [[nodiscard]] static double decayed(const Person&, Time now) noexcept;
  [[nodiscard]] bool speaks(const Person&) const noexcept;
  [[nodiscard]] bool there(Time last, Time now) const noexcept;
  void choose_speaker(Time now);
  void choose_visible(Time now);
  void choose_audible(Time now);

  Options options_;
  std::vector<Person> people_;
  std::vector<double> now_loud_;  // loudness at the moment of choosing, parallel to people_
  std::optional<Id> challenger_;  // louder than the speaker, since challenged_at_
  Time challenged_at_ = kNever, speaker_since_ = kNever;
  Choice choice_;
};

}  // namespace auralink::pipeline
