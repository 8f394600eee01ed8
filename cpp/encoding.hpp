// Rows of a table's columns as inputs of a network, rounded as the formula is written: double,
// every division a division, so that no bit depends on how it is computed, nor on the level.
#pragma once

#include <cmath>

#include "encoded_column.hpp"

namespace chainrule::CHAINRULE_LEVEL {

// How much of the way from one knot to the next lies below v, from 0 to 1.
inline double risen(double v, double from, double to) {
  return v <= from ? 0 : v >= to ? 1 : (v - from) / (to - from);
}

// Pieces whose upper knot is not above v have risen, the next one by a part, those after it not at
// all. No branch depends on v, which a processor could not foresee, but one that is hardly taken.
template <class T>
void encode_pieces(const EncodedColumn& column, double v, T* inputs) {
  const double* const upper = column.knots.data() + 1;  // of each piece
  const std::int64_t count = column.pieces();
  std::int64_t risen_ones = 0;
  for (std::int64_t p = 0; p < count; ++p) risen_ones += v < upper[p] ? 0 : 1;
  const double* const stairs = column.stairs.data() + (count - risen_ones);
  for (std::int64_t p = 0; p < count; ++p) inputs[p] = static_cast<T>(stairs[p]);
  if (risen_ones < count)
    inputs[risen_ones] =
        static_cast<T>(column.of_piece(risen(v, upper[risen_ones - 1], upper[risen_ones])));
}

template <class T>
void encode_category(const EncodedColumn& column, double code, T* inputs) {
  for (std::int64_t k = 0; k < column.categories; ++k) inputs[k] = T(0);
  if (code >= 0 && code < static_cast<double>(column.categories))
    inputs[static_cast<std::int64_t>(code)] = T(1);
}

// Writes the inputs of one number, NaN where it is missing.
template <class T>
void encode_number(const EncodedColumn& column, double value, T* inputs) {
  const bool missing = std::isnan(value);
  const double v = missing ? column.median : value;
  *inputs++ = static_cast<T>(scaled(column, v));
  if (column.pieces() > 0) encode_pieces(column, v, inputs);
  if (column.flagged) inputs[column.pieces()] = missing ? T(1) : T(0);
}

// values (n, columns) become the columns' places in inputs (n, width). Returns whether none of them
// is infinite.
template <class T>
bool encode_rows(const std::vector<EncodedColumn>& columns, const double* values, std::int64_t n,
                 T* inputs, std::int64_t width) {
  bool finite = true;
  for (std::int64_t i = 0; i < n; ++i, inputs += width)
    for (const EncodedColumn& column : columns) {
      const double value = *values++;
      finite &= !std::isinf(value);
      T* const to = inputs + column.place;
      column.categories >= 0 ? encode_category(column, value, to)
                             : encode_number(column, value, to);
    }
  return finite;
}

}  // namespace chainrule::CHAINRULE_LEVEL
