// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/ctl/completion.hpp"

#include <gtest/gtest.h>

#include "orchestrator/ctl/commands.hpp"

namespace auralink::ctl {
namespace {

TEST(Completion, KnowsEveryCommandAndOption) {
  const std::string bash = bash_completion(), zsh = zsh_completion();
  for (const auto& command : commands()) {
    if (command.hidden) continue;
    EXPECT_NE(bash.find("'" + command.path() + "')"), std::string::npos) << command.path();
    for (const auto& option : command.options) {
      EXPECT_NE(bash.find(" --" + std::string{option.name}), std::string::npos) << option.name;
      EXPECT_NE(zsh.find("--" + std::string{option.name}), std::string::npos) << option.name;
    }
  }
}

TEST(Completion, DoesNotOfferWhatIsHidden) {
  EXPECT_EQ(bash_completion().find("'completion-names')"), std::string::npos);
  EXPECT_EQ(zsh_completion().find("completion-names)"), std::string::npos);
}

}  // namespace
}  // namespace auralink::ctl
