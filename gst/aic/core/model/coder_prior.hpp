// SPDX-License-Identifier: LGPL-2.1-or-later
// The weights that a Coder begins with: what streams agree on after a few seconds. Means of the weight
// vectors, by their uses, after 100 access units each of cockatoo, megamind, street and hello
// (tests/bench/aic.py) from OpenH264, and street from x264, at 600 kbit/s in profile max. Nothing depends on
// them but how well the first pictures are predicted; what these streams do not use begins with equal
// weights.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gst/aic/core/model/classes.hpp"

namespace auralink::aic::model {

inline constexpr auto
    kFirstWeights =
        [] {
          // By Class: two of each context (its counter, what followed its state), then the direct inputs.
          std::array<Mixed, kClasses> out{
              {
                  {{7011, 4716, 6929, 4227}},  // kHeader
                  {{2580, 992,  1943, 1895, 1988, 1362, 1240, 1093, 1718, 779,  2243,
                    987,  1966, 983,  691,  -181, -275, 40,   217,  -92,  -136, 90}},  // kType
                  {{2885, 2249, 2434, 2026, 3695, 2662, 2885, 2249}},                  // kTypeIntra
                  {{}},                                                                // kReference
                  {{2177, 647,  1810, 464,  1987, 729,  2210,  1328, 949,  785, 1591, 825,  1089,
                    875,  2365, 591,  1079, 587,  -491, -1212, 5,    1005, 713, -420, 1081, 215}},  // kMvd
                  {{2207, 887, 858, 641, 2494, 2085, 1424, 683, 3437, 1633, 3400, 1523, 842, 558, 2087, 1100,
                    660, 257}},                                                               // kIntra4Mode
                  {{2060, 988, 2378, 1342, 2055, 1150, 1251, 1305, 4584, 1850, 2939, 1271}},  // kIntraMode
                  {{1405, 857, 1698, 985, 1636, 1207, 2952, 1139, 2414, 994, 2662, 1248, 2285,
                    1233, 103, 1083, 460, 597,  500,  1132, 889,  -189, 542, 606,  216}},  // kCbpLuma
                  {{1619, 586, 1094, -34, 2712, 755, 2025, 654, 1772, 2633, 1079, 569, 1852, 279, 2660,
                    541}},  // kCbpChroma
                  {{2644, 1346, 2078, 601,  2972, 1284, 2367, 969,  -297, -1043, 1288,
                    556,  2166, -441, 1492, 326,  4851, 2350, 1539, 14,   1771,  439}},  // kQpDelta
                  {
                      {2164, -71, 1189, 1291, 2360,  -248, 3469,  482,   3251, 311,
                       3261, 132, 2566, 247,  -1325, -844, 925,   -1424, -318, -223,
                       343,  36,  -160, -33,  1172,  38,   -1125, -345}},  // kTotal
                  {{970,  424,  1677, 721,  1809, 491,  4806, 857, 2321, 476, 4071, 757, -1987, 1088,
                    -660, -795, 884,  1012, -280, -471, 312,  700, 1018, 933, -724, 1854}},  // kSignificance
                  {{1028,  657,  733, 182, 222,  967,  2246, -265, 1616, -372, 3979, 250, 3052, 1046,
                    -3791, 2010, 620, 925, -464, -380, 1196, 1196, 1042, 1203, 63,   1334}},  // kMagnitude
                  {{2622, 1213, 4149,  1468, 3368, 777,  3708, 2026,  2583,  1224, 554, 2201, 3230, 1616,
                    -41,  -516, -1414, -371, -242, -681, -816, -1068, -1165, -766, 220, -2767}},  // kSign
                  {{1011, -25,  896,   596,  331, -244, 1067, 214,  1324, 721,  1131,
                    600,  809,  -13,   2036, 535, 1683, 1791, 1387, 162,  3127, 794,
                    3700, 1174, -1204, 426,  842, -537, 525,  585,  195,  -78}},  // kChromaTotal
                  {
                      {-76,  -143, 673, 1107, 970,  748,  1376, 1069, 646,  1098,
                       2014, 330,  380, 854,  1266, 798,  1160, 1935, 4423, 1509,
                       1077, 587,  68,  -87,  958,  1204, 1520, 546,  535,  1278}},  // kChromaSignificance
                  {{513,  557,  754,   281,  1950, 300,  444,  284, 1520, 402,
                    869,  790,  -1136, 154,  2112, 265,  1136, 595, 957,  718,
                    3090, 1066, -1045, 1481, 1492, 1692, 1600, 690, 1366, 1439}},  // kChromaMagnitude
                  {{4848, 2240, 3392, 1270, 240,   34,    684,  494,  5895, 2179, 4295,
                    1822, 4048, 1578, 86,   -2641, -3020, 1733, 1622, -503, -2116}},  // kChromaSign
                  {{5871, 5031, 7506, 6188}},                                         // kRaw
                  {{4299, 3495, 4516, 3596, 5372, 4001}},                             // kSub
              }};
          constexpr std::array kEqual{9175, 7864};  // 0.56 shared by the counters, 0.48 by what followed
          for (std::size_t c = 0; c < kClasses; ++c) {
            Mixed& weights = out[c];
            if (weights != Mixed{}) continue;
            for (std::size_t i = 0; i < std::size_t{2} * kShapes[c].contexts; ++i)
              weights.value[i] = static_cast<std::int16_t>(kEqual[i % 2] / kShapes[c].contexts);
          }
          return out;
        }();

}  // namespace auralink::aic::model
