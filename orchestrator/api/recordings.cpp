// SPDX-License-Identifier: LGPL-2.1-or-later
// Recordings.
#include "orchestrator/api/api.hpp"

namespace auralink::api {
namespace {

[[nodiscard]] Reply changed(unsigned status, const session::Recording& recording) {
  auto reply = json_reply(status, session::to_json(recording));
  reply.headers.emplace_back("ETag", tag_of(recording).text());
  return reply;
}

}  // namespace

Reply Api::list_recordings(const Query& query) const {
  if (auto refusal = check_query(query, {"conference", "state", "limit", "cursor"})) return refuse(*refusal);
  const auto page = parse_page(query);
  if (!page) return refuse(page.error());
  const auto state = parse_state<session::RecordingState>(query);
  if (!state) return refuse(state.error());
  const auto wanted = query.find("conference");
  if (wanted != query.end() && !is_identifier(wanted->second))
    return refuse(invalid_query("conference", kExpectedIdentifier));
  return json_reply(200, paginate(service_.recordings(), *page, [&](const session::Recording& one) {
                      return (!*state || one.state == **state) &&
                             (wanted == query.end() || one.conference == wanted->second);
                    }));
}

Reply Api::start_recording(const session::NewRecording& wanted) {
  const bool known = wanted.id && service_.recording(*wanted.id) != nullptr;
  auto started = service_.start_recording(wanted);
  if (!known) count_admission(started ? nullptr : &started.error());
  if (!started) return refuse(pointing_at(std::move(started.error()), "/conference"));
  auto reply = changed(known ? 200 : 201, *started);
  if (!known) reply.headers.emplace_back("Location", "/v1/recordings/" + started->id);
  return reply;
}

Reply Api::recording(const Match& match, Command command) {
  const auto& id = match.parameters.at(0);
  const auto* found = service_.recording(id);
  if (found == nullptr) return missing("recording", id);
  const auto done = [](unsigned status, session::Outcome<session::Recording> outcome) {
    return outcome ? changed(status, *outcome) : refuse(outcome.error());
  };
  switch (match.route->operation) {
    case Operation::stop_recording:
      return done(202, service_.stop_recording(id));
    case Operation::pause_recording:
      return done(202, service_.pause_recording(id));
    case Operation::resume_recording:
      return done(202, service_.resume_recording(id));
    case Operation::patch_recording:
      return patch_recording(*found, std::get<RecordingPatch>(command));
    case Operation::delete_recording: {
      const auto deleted = service_.delete_recording(id);
      return deleted ? Reply{.status = 204} : refuse(deleted.error());
    }
    default:
      return json_reply(200, session::to_json(*found));
  }
}

Reply Api::patch_recording(const session::Recording& recording, const RecordingPatch& patch) {
  if (!patch.metadata) return changed(200, recording);
  auto members = *patch.metadata;
  if (members.is_null()) {  // everything goes
    members = json::Value::object();
    for (const auto& [name, value] : recording.metadata.items()) members[name] = nullptr;
  }
  auto updated = service_.update_metadata(recording.id, members);
  if (updated) return changed(200, *updated);
  for (auto& error : updated.error().errors) error.pointer = "/metadata" + error.pointer;
  return refuse(updated.error());
}

}  // namespace auralink::api
