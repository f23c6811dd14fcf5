// SPDX-License-Identifier: LGPL-2.1-or-later
// Private to description*.cpp and parameters.cpp: the readers of the parts of a description, and the tables
// of words the format uses. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/json/json.hpp"
#include "orchestrator/json/text.hpp"
#include "orchestrator/pipeline/description.hpp"

namespace auralink::pipeline::parts {

using json::ObjectReader;
using json::Value;
using json::Violations;
using Need = ObjectReader::Need;

inline constexpr std::size_t kMaxParticipants = 64;
inline constexpr std::size_t kMaxRtpParticipants = 1000;  ///< most of whom are not decoded, see Select
inline constexpr std::size_t kMaxFiles = 16;
inline constexpr std::size_t kMaxEncodes = 16;
inline constexpr std::size_t kMaxBranches = 32;
inline constexpr std::size_t kMaxElements = 200;
inline constexpr std::size_t kMaxPathBytes = 1024;
inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kHour = 3600 * kSecond;

/// A word of the format and what it means.
template <class T>
struct Word {
  std::string_view word;
  T value;
};

template <class T, std::size_t N>
[[nodiscard]] constexpr std::array<std::string_view, N> words_of(const std::array<Word<T>, N>& table) {
  std::array<std::string_view, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = table[i].word;
  return out;
}

/// A member whose text is one of the table's words.
template <class T, std::size_t N>
[[nodiscard]] std::optional<T> read_word(ObjectReader& reader, std::string_view key,
                                         const std::array<Word<T>, N>& table, Need need = Need::optional) {
  const auto words = words_of(table);
  const auto text = reader.choice(key, words, need);
  if (!text) return std::nullopt;
  for (const auto& entry : table)
    if (entry.word == *text) return entry.value;
  return std::nullopt;
}

template <class T, std::size_t N>
[[nodiscard]] std::string_view word_for(const std::array<Word<T>, N>& table, T value) noexcept {
  for (const auto& entry : table)
    if (entry.value == value) return entry.word;
  return "";
}

inline constexpr std::array kCodecs{
    Word<Codec>{"h264", Codec::h264}, Word<Codec>{"openh264", Codec::openh264},
    Word<Codec>{"vp8", Codec::vp8},   Word<Codec>{"vp9", Codec::vp9},
    Word<Codec>{"aac", Codec::aac},   Word<Codec>{"opus", Codec::opus}};
inline constexpr std::array kContainers{
    Word<Container>{"mp4", Container::mp4},           Word<Container>{"webm", Container::webm},
    Word<Container>{"mkv", Container::mkv},           Word<Container>{"ogg", Container::ogg},
    Word<Container>{"segments", Container::segments}, Word<Container>{"hls", Container::hls}};
inline constexpr std::array kTracks{Word<Tracks>{"both", Tracks::both}, Word<Tracks>{"video", Tracks::video},
                                    Word<Tracks>{"audio", Tracks::audio}};
inline constexpr std::array kQualities{
    Word<Quality>{"480p", Quality::p480}, Word<Quality>{"720p", Quality::p720},
    Word<Quality>{"1080p", Quality::p1080}, Word<Quality>{"4k", Quality::uhd}};
inline constexpr std::array kRtpCodecs{
    Word<RtpCodec>{"h264", RtpCodec::h264}, Word<RtpCodec>{"vp8", RtpCodec::vp8},
    Word<RtpCodec>{"opus", RtpCodec::opus}, Word<RtpCodec>{"pcmu", RtpCodec::pcmu},
    Word<RtpCodec>{"pcma", RtpCodec::pcma}};
inline constexpr std::array kTrunkProfiles{
    Word<TrunkProfile>{"auto", TrunkProfile::automatic}, Word<TrunkProfile>{"max", TrunkProfile::max},
    Word<TrunkProfile>{"lite", TrunkProfile::lite}, Word<TrunkProfile>{"fast", TrunkProfile::fast}};
inline constexpr std::array kPatterns{
    Word<TestPattern>{"smpte", TestPattern::smpte}, Word<TestPattern>{"ball", TestPattern::ball},
    Word<TestPattern>{"snow", TestPattern::snow},   Word<TestPattern>{"red", TestPattern::red},
    Word<TestPattern>{"green", TestPattern::green}, Word<TestPattern>{"blue", TestPattern::blue},
    Word<TestPattern>{"white", TestPattern::white}};

struct Preset {
  unsigned width, height, fps, bitrate;
};
inline constexpr std::array kPresets{
    Word<Preset>{"480p", {854, 480, 30, 1'500'000}}, Word<Preset>{"720p", {1280, 720, 30, 3'000'000}},
    Word<Preset>{"1080p", {1920, 1080, 30, 6'000'000}}, Word<Preset>{"4k", {3840, 2160, 30, 15'000'000}}};

/// Names of pipelines, participants, encodes and branches: ^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$.
[[nodiscard]] bool is_name(std::string_view text) noexcept;
inline constexpr std::string_view kNameRule =
    "expected a name: 1 to 64 letters, digits, \"_\", \"-\" or \".\", not starting with \".\"";

/// Why `text` cannot be a file name or template; empty when it can. Relative names never climb out.
[[nodiscard]] std::string path_fault(std::string_view text, bool absolute_allowed);

/// The name of a participant; complains about a bad or repeated one.
[[nodiscard]] std::string read_name(ObjectReader& reader);

[[nodiscard]] std::optional<Nanos> read_duration(ObjectReader& reader, std::string_view key,
                                                 std::int64_t minimum, std::int64_t maximum,
                                                 Need need = Need::optional);

[[nodiscard]] Source read_source(const Value& value, const std::string& pointer, Violations& violations);
/// Every "name" of a participant array is used once.
void check_unique_names(const std::vector<std::string>& names, const std::string& pointer,
                        Violations& violations);
[[nodiscard]] RtpSource read_rtp(ObjectReader& reader, Violations& violations);

[[nodiscard]] std::map<std::string, Encode> read_encodes(const Value& value, const std::string& pointer,
                                                         const Description& mixed, Violations& violations);
/// Reads one branch against what `conference` encodes; nothing when the kind itself is unknown.
[[nodiscard]] std::optional<Branch> read_branch(const Value& value, const std::string& pointer,
                                                const Description& conference, Violations& violations);
/// What `tracks`, `participant`, `preset` and `inputs` of a branch choose.
void read_choice(ObjectReader& reader, const Description& d, std::optional<Container> container,
                 FileBranch& branch, Violations& violations);
/// A conference that another daemon sends (description_trunk.cpp).
[[nodiscard]] RtpSource read_trunk_source(ObjectReader& reader, Violations& violations);
[[nodiscard]] Branch read_trunk_branch(ObjectReader& reader, const Description& d, Violations& violations);
/// A numeric IPv4 or IPv6 address.
[[nodiscard]] bool is_address(std::string_view text);
/// What happens to the conference when a branch fails.
[[nodiscard]] std::optional<session::OnError> read_on_error(ObjectReader& reader);
[[nodiscard]] session::Policies read_policies(const Value& value, const std::string& pointer,
                                              Violations& violations);
[[nodiscard]] CustomGraph read_custom(ObjectReader& reader, Violations& violations);

/// The streams an SDP text offers. Complaints name the line.
[[nodiscard]] RtpParticipant read_sdp(const std::string& text, const std::string& pointer,
                                      Violations& violations);

/// One payload type's consistency, shared by SDP and explicit fields.
void check_rtp_stream(const RtpStream& stream, const std::string& pointer, Violations& violations);

/// A parameter schema stays within the subset this room understands and validates (parameters.cpp).
void check_schema(const Value& schema, const std::string& pointer, Violations& violations);

/// The names of those who take part.
[[nodiscard]] std::vector<std::string_view> participant_names(const Source& source);
/// How many participants a source brings.
[[nodiscard]] std::size_t participant_count(const Source& source);

}  // namespace auralink::pipeline::parts
