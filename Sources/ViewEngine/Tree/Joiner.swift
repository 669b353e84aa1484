import ViewKit

/// What work was done: the bounds that the tree promises are tested by counting, not by time. Stays with the task that made it.
final class ViewWork {
  /// Joins of two partials, or rows applied to a state.
  var combines = 0
  /// Rows of the table that a cursor went over.
  var rowsRead = 0
  /// Rows put or deleted, the view's header not counted.
  var rowsWritten = 0

  var counts: ViewCounts { ViewCounts(combines: combines, rowsRead: rowsRead, rowsWritten: rowsWritten) }
}

/// What work a view's catch-ups did since its database was opened.
package struct ViewCounts: Sendable {
  /// Joins of two partials, or rows applied to a state.
  package internal(set) var combines = 0
  /// Rows of the table that a cursor went over.
  package internal(set) var rowsRead = 0
  /// Rows put or deleted, the view's header not counted.
  package internal(set) var rowsWritten = 0

  mutating func add(_ other: ViewCounts) {
    combines += other.combines
    rowsRead += other.rowsRead
    rowsWritten += other.rowsWritten
  }
}

/// Joins the partials of one key, in order of happening.
struct Joiner {
  let view: CompiledView
  let key: [UInt8]
  let work: ViewWork

  /// The left fold of partials, beginning with the first that is one: there is no neutral element.
  func join(_ partials: [Partial]) -> Partial {
    var rows: [PlacedRow] = []
    for partial in partials {
      switch partial {
      case .none: continue
      case .failed: return .failed
      // A join looks at no place.
      case .value(let bytes): rows.append(PlacedRow(when: Pos.zero.when, row: bytes))
      }
    }
    return joined(rows, to: .none)
  }

  /// The left fold of a partial and rows behind it, none of them voided.
  func joined(_ rows: [PlacedRow], to partial: Partial) -> Partial {
    guard let first = rows.first else { return partial }
    let before: [UInt8]?
    switch partial {
    case .failed: return .failed
    case .none:
      // One row is its own join.
      if rows.count == 1 { return .value(first.row) }
      (before, work.combines) = (nil, work.combines + rows.count - 1)
    case .value(let bytes): (before, work.combines) = (bytes, work.combines + rows.count)
    }
    do throws(Refusal) { return .value(try view.advance(before, key: key, rows)) } catch { return .failed }
  }

  /// What is kept of a run that is complete: one too long for its view counts as one that can't be computed. Only of such runs is that
  /// asked, and of a value when it is answered: which runs there are follows from the rows, what comes between from how they came.
  func limited(_ partial: Partial) -> Partial { view.limited(partial) }

  func limited(_ block: Block) -> Block {
    var block = block
    block.partial = limited(block.partial)
    return block
  }

  /// The run of several runs.
  func join(_ blocks: [Block]) -> Block {
    var joined = Block()
    for block in blocks { joined.widen(by: block) }
    joined.partial = join(blocks.map(\.partial))
    return joined
  }
}

extension Joiner {
  /// The state of a `FoldView` after further rows, none of them voided.
  func applied(_ rows: [PlacedRow], to state: Partial) -> Partial {
    let before: [UInt8]?
    switch state {
    case .none: before = nil
    case .failed: return .failed
    case .value(let bytes): before = bytes
    }
    work.combines += rows.count
    do throws(Refusal) { return .value(try view.advance(before, key: key, rows)) } catch { return .failed }
  }

  /// The JSON of a total's value; nil: the view has none.
  func value(_ total: Partial) -> [UInt8]? { view.value(total, key: key) }
}

extension CompiledView {
  /// A total that is too long counts as one that can't be computed.
  fileprivate func limited(_ partial: Partial) -> Partial {
    if case .value(let bytes) = partial, bytes.count > totalBytesMax { return .failed }
    return partial
  }

  /// The JSON of a total's value; nil: the view has none. A total that can't be computed is a null, not a key that is missing.
  /// - Parameter key: nil: the total is of several keys.
  func value(_ total: Partial, key: [UInt8]?) -> [UInt8]? {
    let null = [UInt8]("null".utf8)
    switch limited(total) {
    case .none: return nil
    case .failed: return null
    case .value(let bytes):
      do throws(Refusal) {
        guard let key else { return try finish(joined: bytes) }
        return try finish(bytes, key: key)
      } catch {
        return null
      }
    }
  }
}
