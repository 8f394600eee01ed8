// Columns of numbers as inputs of a network: scaled, cut into pieces, missing ones flagged.
// The formula is that of chainrule.tables.number_column.NumberColumn, rounded as it is written
// there: double, every division a division, so that no bit depends on how it is computed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace chainrule {

struct EncodedColumn {
  double median, center, scale;  // scale 0: a constant, whose input is 0
  std::vector<double> knots;     // k_0 < k_1 < ...
  double height;                 // of a piece, from below its knots to above them
  bool flagged;                  // whether an input more is 1 where the value is missing
  std::int64_t place;            // of its first input

  // A single one would say no more than the scaled number does.
  std::int64_t pieces() const {
    return knots.size() > 2 ? static_cast<std::int64_t>(knots.size()) - 1 : 0;
  }
  std::int64_t inputs() const { return 1 + pieces() + (flagged ? 1 : 0); }
};

constexpr double farthest = 1000.0;  // of a scaled number

inline double scaled(const EncodedColumn& column, double v) {
  if (column.scale == 0) return 0;
  return std::clamp((v - column.center) / column.scale, -farthest, farthest);
}

// How much of the way from one knot to the next lies below v, from 0 to 1.
inline double risen(double v, double from, double to) {
  return v <= from ? 0 : v >= to ? 1 : (v - from) / (to - from);
}

// Writes the inputs of one value, NaN where it is missing. Pieces whose upper knot is not above it
// have risen, the next one by a part, those after it not at all.
template <class T>
void encode_value(const EncodedColumn& column, double value, T* inputs) {
  const bool missing = std::isnan(value);
  const double v = missing ? column.median : value;
  T* to = inputs + column.place;
  *to++ = static_cast<T>(scaled(column, v));
  const std::vector<double>& k = column.knots;
  if (column.pieces() > 0) {
    const auto piece = [&](double share) { return static_cast<T>(column.height * (share - 0.5)); };
    const auto upper = std::upper_bound(k.begin() + 1, k.end(), v);
    to = std::fill_n(to, upper - (k.begin() + 1), piece(1));
    if (upper != k.end()) *to++ = piece(risen(v, upper[-1], upper[0]));
    to = std::fill_n(to, std::max<std::ptrdiff_t>(k.end() - upper - 1, 0), piece(0));
  }
  if (column.flagged) *to = missing ? T(1) : T(0);
}

// values (n, columns) become the columns' places in inputs (n, width). Returns whether none of them
// is infinite.
template <class T>
bool encode_rows(const std::vector<EncodedColumn>& columns, const double* values, std::int64_t n,
                 T* inputs, std::int64_t width) {
  bool finite = true;
  for (std::int64_t i = 0; i < n; ++i, inputs += width)
    for (const EncodedColumn& column : columns) {
      finite &= !std::isinf(*values);
      encode_value(column, *values++, inputs);
    }
  return finite;
}

}  // namespace chainrule
