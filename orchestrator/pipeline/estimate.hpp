// SPDX-License-Identifier: LGPL-2.1-or-later
// What a conference will cost, before it has run. Pure.
#pragma once

#include "orchestrator/pipeline/description.hpp"

namespace auralink::pipeline {

/// Processors that the conference is expected to keep busy once everybody is there and every branch of its
/// description records. A guess from measured costs of its parts on a 2-core machine, for admission only:
/// what a running conference really needs is measured. 0 for kind Custom, of which nothing is known.
[[nodiscard]] double estimated_cpus(const Description&);

}  // namespace auralink::pipeline
