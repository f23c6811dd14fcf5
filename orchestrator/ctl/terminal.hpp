// SPDX-License-Identifier: LGPL-2.1-or-later
// Where results, complaints and progress go. Results on stdout, the rest on stderr.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace auralink::ctl {

/// What the process returns; documented in --help.
enum class Exit { ok = 0, failed = 1, usage = 2, unreachable = 3 };

class Terminal {
 public:
  Terminal(std::FILE* out, std::FILE* err);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void out(std::string_view text);
  /// "auralinkctl: " and the text, ending any progress line first.
  void complain(std::string_view text);
  void note(std::string_view text);
  /// Shown in place of the last one; only on a terminal.
  void progress(std::string_view line);
  void end_progress();
  /// A whole screen over the last one; only when out_is_tty().
  void screen(std::string_view text);

  [[nodiscard]] bool out_is_tty() const noexcept { return out_tty_; }
  /// False when stdout was lost (closed pipe, full disk): the command then has not told its result.
  [[nodiscard]] bool flush();
  [[nodiscard]] std::pair<std::size_t, std::size_t> size() const;  ///< lines, columns

 private:
  std::FILE* out_;
  std::FILE* err_;
  bool out_tty_, err_tty_, in_progress_ = false, in_screen_ = false;
};

}  // namespace auralink::ctl
