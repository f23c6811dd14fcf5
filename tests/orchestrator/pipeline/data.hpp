// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the files beside these tests are (the folders come from Meson).
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "orchestrator/json/json.hpp"
#include "orchestrator/pipeline/description.hpp"

namespace auralink::pipeline {

inline std::filesystem::path data_file(const std::string& name) {
  return std::filesystem::path{TEST_DATA_DIR} / name;
}
inline std::filesystem::path shipped_folder() { return PIPELINES_DIR; }

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A small conference that every test can start from.
inline json::Value sample() {
  return *json::parse(R"({"apiVersion":"auralink/v1","kind":"Pipeline","name":"sample","why":"test",
    "source":{"kind":"file","participants":[{"name":"ann","files":["ann.mp4"]},
                                            {"name":"bob","files":["bob.webm","bob.ogg"],"join":"2s","leave":"9s"}]},
    "mix":{"video":{},"audio":{}},
    "encode":{"h264":{"of":"video","codec":"h264"},"vp8":{"of":"video","codec":"vp8"},
              "aac":{"of":"audio","codec":"aac"},"opus":{"of":"audio","codec":"opus"}},
    "branches":{"record":{"kind":"file","container":"mp4"}}})");
}

}  // namespace auralink::pipeline
