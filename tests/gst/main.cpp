// SPDX-License-Identifier: LGPL-2.1-or-later
// main() of every test that needs GStreamer. Plugins under test are loaded from the file named on the command
// line, not found by a scan: gst-plugin-scanner cannot load a library that was built with a sanitizer.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "gst/support/owned.hpp"

namespace {

bool load_plugin(const char* path) {
  auralink::support::Owned<GError> error;
  const auto plugin =
      auralink::support::adopt(gst_plugin_load_file(path, auralink::support::Out<GError>{error}));
  if (plugin == nullptr) std::fprintf(stderr, "%s: %s\n", path, error ? error->message : "not a plugin");
  return plugin != nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  for (int i = 1; i < argc; ++i)
    if (!load_plugin(argv[i])) return 1;
  const int result = RUN_ALL_TESTS();
  gst_deinit();  // the leaks tracer reports here
  return result;
}
