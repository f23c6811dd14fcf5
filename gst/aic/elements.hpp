// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements of this plugin; each is defined by the shell of its name.
#pragma once

#include <gst/gst.h>

GST_ELEMENT_REGISTER_DECLARE(rtpaiccompress)
GST_ELEMENT_REGISTER_DECLARE(rtpaicdecompress)
