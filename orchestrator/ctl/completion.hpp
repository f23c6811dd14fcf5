// SPDX-License-Identifier: LGPL-2.1-or-later
// Shell completion scripts, generated from the command table. Pure.
#pragma once

#include <string>

namespace auralink::ctl {

/// For bash-completion's completions folder, file name `auralinkctl`.
[[nodiscard]] std::string bash_completion();
/// For a folder of zsh's $fpath, file name `_auralinkctl`.
[[nodiscard]] std::string zsh_completion();

}  // namespace auralink::ctl
