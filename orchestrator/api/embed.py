# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes openapi.cpp of openapi.json: arguments are the file to read and the file to write."""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    contract = json.dumps(json.load(file), ensure_ascii=True, separators=(",", ":")).encode("ascii")
rows = [contract[at:at + 24] for at in range(0, len(contract), 24)]
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write('#include "orchestrator/api/openapi.hpp"\n\nnamespace auralink::api {\nnamespace {\n'
              "constexpr char kContract[] = {\n")
    out.writelines("  " + "".join(f"{byte}," for byte in row) + "\n" for row in rows)
    out.write("};\n}  // namespace\nstd::string_view openapi_text() noexcept { return {kContract, sizeof kContract}; }\n"
              "}  // namespace auralink::api\n")
