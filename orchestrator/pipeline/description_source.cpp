// SPDX-License-Identifier: LGPL-2.1-or-later
// Sources: clips, RTP and test pictures. A new kind is one row of kKinds and one reader.
#include <algorithm>
#include <cmath>
#include <set>

#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline::parts {
namespace {

/// Join and leave times, shared by the kinds that play them.
void read_presence(ObjectReader& reader, Nanos& join, std::optional<Nanos>& leave) {
  join = read_duration(reader, "join", 0, 24 * kHour).value_or(Nanos{0});
  leave = read_duration(reader, "leave", 0, 24 * kHour);
  if (leave && *leave <= join) reader.complain("leave", "expected a time after join");
}

template <class Participant, class Read>
std::vector<Participant> read_participants(ObjectReader& reader, Violations& violations, Read&& read) {
  std::vector<Participant> out;
  const auto* list = reader.array("participants", kMaxParticipants, Need::required);
  if (list == nullptr) return out;
  if (list->empty()) reader.complain("participants", "expected at least one participant");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < list->size(); ++i) {
    out.push_back(read((*list)[i], json::child(reader.at("participants"), i)));
    names.push_back(out.back().name);
  }
  check_unique_names(names, reader.at("participants"), violations);
  return out;
}

FileParticipant read_file_participant(const Value& value, const std::string& pointer,
                                      Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  FileParticipant p;
  p.name = read_name(reader);
  if (const auto* files = reader.array("files", kMaxFiles, Need::required)) {
    if (files->empty()) reader.complain("files", "expected at least one file");
    for (std::size_t i = 0; i < files->size(); ++i) {
      const auto at = json::child(reader.at("files"), i);
      const auto& file = (*files)[i];
      if (!file.is_string()) {
        violations.push_back({at, "expected a file name, found " + json::shown(file)});
        continue;
      }
      p.files.push_back(file.get<std::string>());
      if (auto fault = path_fault(p.files.back(), true); !fault.empty()) violations.push_back({at, fault});
    }
  }
  read_presence(reader, p.join, p.leave);
  p.loop = reader.boolean("loop").value_or(false);
  reader.finish();
  return p;
}

Source read_file(ObjectReader& reader, Violations& violations) {
  FileSource source;
  source.participants = read_participants<FileParticipant>(
      reader, violations,
      [&](const Value& v, const std::string& at) { return read_file_participant(v, at, violations); });
  return source;
}

TestParticipant generated(std::size_t index) {
  TestParticipant p;
  p.name = "test-" + std::to_string(index + 1);
  p.pattern = kPatterns[index % kPatterns.size()].value;
  p.frequency =
      220.0 * std::pow(2.0, static_cast<double>(index % 24) / 6.0);  // whole tones, told apart by ear
  return p;
}

TestParticipant read_test_participant(const Value& value, const std::string& pointer, std::size_t index,
                                      Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  TestParticipant p = generated(index);
  p.name = read_name(reader);
  p.pattern = read_word(reader, "pattern", kPatterns).value_or(p.pattern);
  p.frequency = reader.number("frequency", 20, 20000).value_or(p.frequency);
  p.video = reader.boolean("video").value_or(true);
  p.audio = reader.boolean("audio").value_or(true);
  if (!p.video && !p.audio) reader.complain("audio", "expected video, audio or both to be true");
  const auto even = [&](std::string_view key, unsigned& into) {
    const auto n = reader.integer(key, 16, 4320);
    if (n && *n % 2 != 0) return reader.complain(key, "expected an even number, found " + std::to_string(*n));
    if (n) into = static_cast<unsigned>(*n);
  };
  even("width", p.width);
  even("height", p.height);
  p.fps = static_cast<unsigned>(reader.integer("fps", 1, 120).value_or(p.fps));
  read_presence(reader, p.join, p.leave);
  reader.finish();
  return p;
}

Source read_test(ObjectReader& reader, Violations& violations) {
  TestSource source;
  const auto* participants = reader.any("participants", Need::required);
  if (participants != nullptr && participants->is_number()) {
    const auto count =
        reader.integer("participants", 1, static_cast<std::int64_t>(kMaxParticipants)).value_or(0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      source.participants.push_back(generated(i));
    return source;
  }
  if (participants == nullptr) return source;
  if (!participants->is_array()) {
    reader.complain("participants", "expected how many participants or an array of them, found " +
                                        json::shown(*participants));
    return source;
  }
  std::size_t index = 0;
  source.participants =
      read_participants<TestParticipant>(reader, violations, [&](const Value& v, const std::string& at) {
        return read_test_participant(v, at, index++, violations);
      });
  return source;
}

using Reader = Source (*)(ObjectReader&, Violations&);
constexpr std::array kKinds{
    Word<Reader>{"file", read_file},
    Word<Reader>{"rtp", [](ObjectReader& r, Violations& v) -> Source { return read_rtp(r, v); }},
    Word<Reader>{"aic-trunk",
                 [](ObjectReader& r, Violations& v) -> Source { return read_trunk_source(r, v); }},
    Word<Reader>{"test", read_test}};

}  // namespace

void check_unique_names(const std::vector<std::string>& names, const std::string& pointer,
                        Violations& violations) {
  std::set<std::string_view> taken;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (!names[i].empty() && !taken.insert(names[i]).second)
      violations.push_back({json::child(json::child(pointer, i), "name"),
                            "participant names are unique; \"" + names[i] + "\" is taken by an earlier one"});
}

Source read_source(const Value& value, const std::string& pointer, Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  const auto read = read_word(reader, "kind", kKinds, Need::required);
  if (!read) return FileSource{};
  Source source = (*read)(reader, violations);
  reader.finish();
  return source;
}

std::vector<std::string_view> participant_names(const Source& source) {
  std::vector<std::string_view> names;
  std::visit(
      [&](const auto& kind) {
        for (const auto& participant : kind.participants) names.emplace_back(participant.name);
      },
      source);
  return names;
}

std::size_t participant_count(const Source& source) {
  return std::visit([](const auto& s) { return s.participants.size(); }, source);
}

}  // namespace auralink::pipeline::parts
