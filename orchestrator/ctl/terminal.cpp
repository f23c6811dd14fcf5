// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "orchestrator/ctl/outcome.hpp"

namespace auralink::ctl {
namespace {

void write(std::FILE* file, std::string_view text) { std::fwrite(text.data(), 1, text.size(), file); }

}  // namespace

Terminal::Terminal(std::FILE* out, std::FILE* err)
    : out_{out}, err_{err}, out_tty_{isatty(fileno(out)) == 1}, err_tty_{isatty(fileno(err)) == 1} {}

Terminal::~Terminal() {
  end_progress();
  if (in_screen_) write(out_, "\033[?25h");
}

void Terminal::out(std::string_view text) {
  end_progress();
  write(out_, text);
}

void Terminal::complain(std::string_view text) {
  end_progress();
  write(err_, "auralinkctl: ");
  note(text);
}

void Terminal::note(std::string_view text) {
  end_progress();
  write(err_, text);
  if (!text.ends_with('\n')) write(err_, "\n");
}

void Terminal::progress(std::string_view line) {
  if (!err_tty_) return;
  write(err_, "\r" + clipped(line, size().second - 1) + "\033[K");
  std::fflush(err_);
  in_progress_ = true;
}

void Terminal::end_progress() {
  if (std::exchange(in_progress_, false)) write(err_, "\n");
}

void Terminal::screen(std::string_view text) {
  // Lines are overwritten in place and their rests erased: no flicker. The cursor is shown again at the end.
  std::string all = in_screen_ ? "\033[H" : "\033[?25l\033[2J\033[H";
  in_screen_ = true;
  for (const char byte : text) {
    if (byte == '\n') all += "\033[K";
    all += byte;
  }
  write(out_, all + "\033[J");
  std::fflush(out_);
}

bool Terminal::flush() { return std::fflush(out_) == 0 && std::ferror(out_) == 0; }

std::pair<std::size_t, std::size_t> Terminal::size() const {
  winsize size{};
  for (std::FILE* file : {out_, err_})
    if (ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 1)
      return {size.ws_row, size.ws_col};
  return {24, 80};
}

}  // namespace auralink::ctl
