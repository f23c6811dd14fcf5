// SPDX-License-Identifier: LGPL-2.1-or-later
// Plan fragment -> GStreamer elements: factories, GParamSpec-checked properties, links. No launch syntax.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <map>
#include <string>
#include <tl/expected.hpp>

#include "gst/support/support.hpp"
#include "orchestrator/pipeline/plan.hpp"

namespace auralink::pipeline {

/// What went wrong, naming the element and property.
using BuildError = std::string;

/// Called on a streaming thread when a delayed link (decodebin, parsebin) was made: `consumer` is the sink
/// pad that will receive the stream. Used to shift a late joiner's timestamps before they are synchronised.
using OnDelayedLink = std::function<void(GstPad* consumer)>;

/// Makes the fragment's elements inside a new GstBin named like the fragment, with a ghost pad per port.
[[nodiscard]] tl::expected<support::Owned<GstElement>, BuildError> build_bin(const Fragment&,
                                                                             OnDelayedLink on_delayed = {});

/// Makes the fragment's elements directly inside `parent`, named "<fragment>.<id>", for elements whose
/// request pads come and go. Keys are node ids; the elements belong to `parent`.
[[nodiscard]] tl::expected<std::map<std::string, GstElement*>, BuildError> build_into(GstBin* parent,
                                                                                      const Fragment&);

/// Whether every factory and property of the fragment exists here, without building it.
[[nodiscard]] tl::expected<void, BuildError> check(const Fragment&);

}  // namespace auralink::pipeline
