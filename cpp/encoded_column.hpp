// A column of a table as inputs of a network. Numbers: scaled, cut into pieces, a missing one
// flagged, by the formula of chainrule.tables.number_column.NumberColumn. Categories: an input for
// each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace chainrule {

struct EncodedColumn {
  EncodedColumn(double median, double center, double scale, std::vector<double> knots,
                double height, bool flagged, std::int64_t place)
      : median(median),
        center(center),
        scale(scale),
        knots(std::move(knots)),
        height(height),
        flagged(flagged),
        place(place) {
    const auto count = static_cast<std::size_t>(pieces());
    stairs.assign(count, of_piece(1));
    stairs.resize(2 * count, of_piece(0));
  }

  // Of so many categories; a value is the number of one, or negative for none.
  static EncodedColumn of_categories(std::int64_t count, std::int64_t place) {
    EncodedColumn column(0, 0, 0, {}, 0, false, place);
    column.categories = count;
    return column;
  }

  // A single one would say no more than the scaled number does.
  std::int64_t pieces() const {
    return knots.size() > 2 ? static_cast<std::int64_t>(knots.size()) - 1 : 0;
  }
  std::int64_t inputs() const {
    return categories >= 0 ? categories : 1 + pieces() + (flagged ? 1 : 0);
  }

  // The input of a piece of which so much has risen.
  double of_piece(double share) const { return height * (share - 0.5); }

  double median, center, scale;  // scale 0: a constant, whose input is 0
  std::vector<double> knots;     // k_0 < k_1 < ...
  double height;                 // of a piece, from below its knots to above them
  bool flagged;                  // whether an input more is 1 where the value is missing
  std::int64_t place;            // of its first input
  std::vector<double> stairs;    // as many risen pieces as there are, then as many that are not
  std::int64_t categories = -1;  // none: of numbers
};

constexpr double farthest = 1000.0;  // of a scaled number

inline double scaled(const EncodedColumn& column, double v) {
  if (column.scale == 0) return 0;
  return std::clamp((v - column.center) / column.scale, -farthest, farthest);
}

}  // namespace chainrule
