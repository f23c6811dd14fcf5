// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/store/recordings_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/orchestrator/store/temporary.hpp"

namespace auralink::store {
namespace {

namespace fs = std::filesystem;
using session::Problem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

/// Every promise holds with openat2 and without it.
class Folder : public ::testing::TestWithParam<bool> {
 protected:
  Folder() : folder_{{.root = room_.path() + "/rec", .force_fallback = GetParam()}} {}
  std::string in(const std::string& relative) const { return folder_.root() + "/" + relative; }
  Problem refused(const std::string& relative, bool directory = false) {
    auto path = folder_.reserve(relative, directory);
    EXPECT_FALSE(path) << relative << " became " << *path;
    return path ? Problem{} : path.error();
  }

  TemporaryFolder room_;
  RecordingsFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Kernel, Folder, ::testing::Bool(),
                         [](const auto& kind) { return kind.param ? "Old" : "WithOpenat2"; });

TEST_P(Folder, ReservesFilesAndFoldersWithTheirParents) {
  const auto file = folder_.reserve("demo/2026/a.mp4", false);
  ASSERT_TRUE(file) << file.error().detail;
  EXPECT_EQ(*file, in("demo/2026/a.mp4"));
  EXPECT_EQ(fs::file_size(*file), 0U);
  const auto segments = folder_.reserve("demo/segments", true);
  ASSERT_TRUE(segments);
  EXPECT_TRUE(fs::is_directory(*segments));
  EXPECT_EQ(fs::status(*file).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_P(Folder, NeverGivesOutWhatExists) {
  ASSERT_TRUE(folder_.reserve("a.mp4", false));
  std::ofstream{in("a.mp4")} << "precious";
  for (const bool directory : {false, true}) {
    const auto problem = refused("a.mp4", directory);
    EXPECT_EQ(problem.kind, Problem::Kind::conflict);
    EXPECT_EQ(problem.errors.at(0).pointer, "/path");
  }
  EXPECT_EQ(fs::file_size(in("a.mp4")), 8U);
  EXPECT_EQ(refused("a.mp4/b.mp4").kind, Problem::Kind::invalid) << "a file is no folder";
}

TEST_P(Folder, RefusesEveryNameThatLeavesIt) {
  for (const std::string bad :
       {"", "/", "/etc/x", "..", "../x", "a/../../x", "a/..", "./x", "a//b", "a/", "."}) {
    const auto problem = refused(bad);
    EXPECT_EQ(problem.kind, Problem::Kind::invalid) << bad;
    EXPECT_EQ(problem.errors.at(0).pointer, "/path");
  }
  EXPECT_EQ(refused(std::string("a\0/../../x", 10)).kind, Problem::Kind::invalid);
  EXPECT_EQ(refused(std::string(300, 'x')).kind, Problem::Kind::invalid);
  EXPECT_TRUE(fs::is_empty(folder_.root()));
}

TEST_P(Folder, FollowsNoSymbolicLink) {
  fs::create_directory(room_.path() + "/outside");
  std::ofstream{room_.path() + "/outside/file"} << "1234";
  fs::create_directory_symlink(room_.path() + "/outside", in("link"));
  fs::create_directory_symlink("../outside", in("relative"));
  fs::create_directory_symlink(folder_.root(), in("self"));
  fs::create_symlink(room_.path() + "/outside/new", in("dangling.mp4"));
  EXPECT_EQ(refused("link/x.mp4").kind, Problem::Kind::invalid);
  EXPECT_EQ(refused("link/deeper/x.mp4").kind, Problem::Kind::invalid);
  EXPECT_EQ(refused("relative/x.mp4").kind, Problem::Kind::invalid);
  EXPECT_EQ(refused("self/x.mp4").kind, Problem::Kind::invalid) << "even one that stays inside";
  EXPECT_EQ(refused("dangling.mp4").kind, Problem::Kind::conflict);
  EXPECT_EQ(refused("link", true).kind, Problem::Kind::conflict);
  EXPECT_FALSE(fs::exists(room_.path() + "/outside/new"));
  EXPECT_FALSE(fs::exists(room_.path() + "/outside/deeper"));
  EXPECT_EQ(folder_.size(in("link/file")), std::nullopt) << "nor for reading";
  EXPECT_EQ(folder_.size(in("dangling.mp4")), std::nullopt);
}

TEST_P(Folder, ALinkSwappedInWhileReservingGainsNothing) {
  fs::create_directory(room_.path() + "/outside");
  std::atomic<bool> stop{false};
  // An attacker with write access to the recordings folder swaps a folder for a link as fast as it can.
  std::thread attacker{[&] {
    std::error_code ignored;
    const auto target = fs::path{in("swap")};
    while (!stop) {
      fs::create_directory_symlink(room_.path() + "/outside", target, ignored);
      fs::remove(target, ignored);
      fs::create_directory(target, ignored);
      fs::remove_all(target, ignored);
    }
  }};
  for (int i = 0; i < 500; ++i) (void)folder_.reserve("swap/file" + std::to_string(i), i % 2 == 0);
  stop = true;
  attacker.join();
  EXPECT_TRUE(fs::is_empty(room_.path() + "/outside"));
}

TEST_P(Folder, OnlyOneOfManyGetsAName) {
  std::atomic<int> winners{0};
  std::vector<std::thread> racers;
  for (int i = 0; i < 4; ++i)
    racers.emplace_back([&] {
      for (int n = 0; n < 50; ++n)
        if (folder_.reserve("race/" + std::to_string(n), false)) ++winners;
    });
  for (auto& racer : racers) racer.join();
  EXPECT_EQ(winners, 50);
}

TEST_P(Folder, MeasuresFilesAndFolders) {
  ASSERT_TRUE(folder_.reserve("d/a.mp4", false));
  ASSERT_TRUE(folder_.reserve("d/seg", true));
  EXPECT_EQ(folder_.size(in("d/a.mp4")), 0U);
  std::ofstream{in("d/a.mp4")} << "12345";
  std::ofstream{in("d/seg/1.mp4")} << "123";
  fs::create_directory(in("d/seg/more"));
  std::ofstream{in("d/seg/more/2.mp4")} << "12";
  fs::create_symlink(in("d/a.mp4"), in("d/seg/link"));
  EXPECT_EQ(folder_.size(in("d/a.mp4")), 5U);
  EXPECT_EQ(folder_.size(in("d/seg")), 5U) << "links are not followed";
  EXPECT_EQ(folder_.size(in("d/none")), std::nullopt);
  EXPECT_EQ(folder_.size(in("none/none")), std::nullopt);
  EXPECT_EQ(folder_.size("/etc/passwd"), std::nullopt);
  EXPECT_EQ(folder_.size(in("../rec/d/a.mp4")), std::nullopt);
  EXPECT_EQ(folder_.size(folder_.root()), std::nullopt);
  ASSERT_EQ(::mkfifo(in("fifo").c_str(), 0600), 0);
  EXPECT_EQ(folder_.size(in("fifo")), std::nullopt);
}

TEST_P(Folder, ReleasesOnlyWhatIsStillEmpty) {
  for (const auto* name : {"empty.mp4", "written.mp4"}) ASSERT_TRUE(folder_.reserve(name, false));
  for (const auto* name : {"empty", "written"}) ASSERT_TRUE(folder_.reserve(name, true));
  std::ofstream{in("written.mp4")} << "x";
  std::ofstream{in("written/1.mp4")} << "x";
  fs::create_symlink("/etc/passwd", in("link"));
  for (const auto* name : {"empty.mp4", "written.mp4", "empty", "written", "link", "none", "none/none"})
    folder_.release(in(name));
  folder_.release("/etc/passwd");
  EXPECT_FALSE(fs::exists(in("empty.mp4")));
  EXPECT_FALSE(fs::exists(in("empty")));
  EXPECT_TRUE(fs::exists(in("written.mp4")));
  EXPECT_TRUE(fs::exists(in("written/1.mp4")));
  EXPECT_TRUE(fs::is_symlink(in("link")));
  EXPECT_TRUE(folder_.reserve("empty.mp4", false)) << "the name is free again";
}

TEST_P(Folder, RemovesFilesAndFoldersAndWhatTheyLeaveEmpty) {
  ASSERT_TRUE(folder_.reserve("day/one/a.mp4", false));
  ASSERT_TRUE(folder_.reserve("day/two/seg", true));
  std::ofstream{in("day/one/a.mp4")} << "12345";
  fs::create_directories(in("day/two/seg/deep/er"));
  std::ofstream{in("day/two/seg/1.mp4")} << "1";
  std::ofstream{in("day/two/seg/deep/er/2.mp4")} << "2";
  EXPECT_TRUE(folder_.remove(in("day/one/a.mp4")));
  EXPECT_FALSE(fs::exists(in("day/one"))) << "a folder without recordings goes with the last one";
  EXPECT_TRUE(fs::exists(in("day/two/seg/1.mp4")));
  EXPECT_TRUE(folder_.remove(in("day/two/seg")));
  EXPECT_FALSE(fs::exists(in("day")));
  EXPECT_TRUE(fs::exists(folder_.root()));
  EXPECT_TRUE(folder_.remove(in("day/two/seg"))) << "what is gone is removed";
  EXPECT_TRUE(folder_.remove(in("never/there")));
}

TEST_P(Folder, RemovingNeverLeavesIt) {
  fs::create_directory(room_.path() + "/outside");
  std::ofstream{room_.path() + "/outside/file"} << "precious";
  fs::create_directory_symlink(room_.path() + "/outside", in("link"));
  ASSERT_TRUE(folder_.reserve("seg", true));
  fs::create_directory_symlink(room_.path() + "/outside", in("seg/inner"));
  fs::create_symlink(room_.path() + "/outside/file", in("seg/file"));
  for (const auto& path : {in("link/file"), in("../outside/file"), room_.path() + "/outside/file",
                           std::string{"/etc/hostname"}, folder_.root(), in(""), std::string{}})
    EXPECT_FALSE(folder_.remove(path)) << path;
  EXPECT_TRUE(folder_.remove(in("seg")));
  EXPECT_FALSE(fs::exists(in("seg")));
  EXPECT_TRUE(folder_.remove(in("link"))) << "the link itself";
  EXPECT_FALSE(fs::is_symlink(in("link")));
  EXPECT_TRUE(fs::exists(room_.path() + "/outside/file"));
}

TEST_P(Folder, ALinkSwappedInWhileRemovingGainsNothing) {
  fs::create_directory(room_.path() + "/outside");
  constexpr int kFiles = 20;
  for (int i = 0; i < kFiles; ++i)
    std::ofstream{room_.path() + "/outside/" + std::to_string(i)} << "precious";
  std::atomic<bool> stop{false};
  std::thread attacker{[&] {
    std::error_code ignored;
    const auto target = fs::path{in("swap")};
    while (!stop) {
      fs::remove(target, ignored);
      fs::create_directory_symlink(room_.path() + "/outside", target, ignored);
      fs::remove(target, ignored);
      fs::create_directory(target, ignored);
    }
  }};
  for (int i = 0; i < 500; ++i)
    (void)folder_.remove(in(i % 2 == 0 ? "swap" : "swap/" + std::to_string(i % kFiles)));
  stop = true;
  attacker.join();
  EXPECT_EQ(std::distance(fs::directory_iterator{room_.path() + "/outside"}, fs::directory_iterator{}),
            kFiles);
}

TEST_P(Folder, UnwritableIsUnavailable) {
  // Root ignores permissions: become somebody else in a child.
  ASSERT_EQ(::chmod(room_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(folder_.root().c_str(), 0555), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::getuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(3);
    const auto path = folder_.reserve("a.mp4", false);
    ::_exit(!path && path.error().kind == Problem::Kind::unavailable && path.error().reason == "disk" ? 0
                                                                                                      : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ASSERT_EQ(::chmod(folder_.root().c_str(), 0755), 0);
}

TEST(FullDisk, IsALimit) {
  TemporaryFolder room;
  // Two inodes: the root of the file system takes one, the first recording the other.
  if (::mount("none", room.path().c_str(), "tmpfs", 0, "size=64k,nr_inodes=2") != 0)
    GTEST_SKIP() << "mounting needs privileges this run does not have";
  RecordingsFolder folder{{.root = room.path()}};
  EXPECT_TRUE(folder.reserve("a.mp4", false));
  const auto file = folder.reserve("b.mp4", false);
  const auto deep = folder.reserve("d/b.mp4", false);
  const auto segments = folder.reserve("s", true);
  for (const auto* path : {&file, &deep, &segments}) {
    ASSERT_FALSE(*path);
    EXPECT_EQ(path->error().kind, Problem::Kind::limit);
    EXPECT_EQ(path->error().reason, "disk");
  }
  EXPECT_EQ(::umount2(room.path().c_str(), MNT_DETACH), 0);
}

TEST(FolderRoot, MayBeALinkButMustBeAFolder) {
  TemporaryFolder room;
  fs::create_directory(room.path() + "/real");
  fs::create_directory_symlink(room.path() + "/real", room.path() + "/link");
  RecordingsFolder folder{{.root = room.path() + "/link"}};
  EXPECT_EQ(folder.root(), room.path() + "/real");
  std::ofstream{room.path() + "/file"} << "x";
  EXPECT_THROW(RecordingsFolder({.root = room.path() + "/file"}), StoreError);
  EXPECT_THROW(RecordingsFolder({.root = "/proc/nowhere"}), StoreError);
}

}  // namespace
}  // namespace auralink::store
