// SPDX-License-Identifier: LGPL-2.1-or-later
// What systemd is told about the daemon (Type=notify). Without systemd, or built without libsystemd, nothing
// happens.
#pragma once

#include <chrono>
#include <string>

namespace auralink {

class Notifier {
 public:
  Notifier();
  void ready();
  void stopping();
  /// The sentence of `systemctl status`; sent when it changed.
  void status(const std::string& sentence);
  /// Call from the main loop, with monotonic time: says that it turns, often enough for WatchdogSec=.
  void alive(std::chrono::milliseconds now);

 private:
  std::chrono::milliseconds interval_{0};  ///< between two signs of life; 0: nobody waits for them
  std::chrono::milliseconds next_{0};
  std::string said_;
};

}  // namespace auralink
