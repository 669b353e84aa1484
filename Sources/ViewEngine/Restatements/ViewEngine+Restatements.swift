import EventModel
import EventStore
import ViewKit

/// A place in the list of a view's restatements, at this node.
package struct RestatementPlace: Equatable, Sendable {
  /// The view's number: one that was built anew has another, and a list of its own.
  package let number: UInt32
  /// The serial of the next one.
  package let serial: UInt64

  package init(number: UInt32, serial: UInt64) { (self.number, self.serial) = (number, serial) }
}

/// A page of a view's restatements, oldest first.
package struct RestatementPage: Sendable {
  package internal(set) var restatements: [Restatement] = []
  /// Where the next page goes on.
  package internal(set) var place: RestatementPlace
}

extension ViewEngine {
  /// Which figures that were served have changed since, from a place on: at first from the oldest that is kept. Starts no catch-up.
  ///
  /// - Parameters:
  ///   - limit: 0: no limit but the page's bytes.
  ///   - bytesMax: a page ends after about so many bytes.
  /// - Returns: nil while the view is built the first time: nothing of it was served.
  /// - Throws: `noRestatements` if the view keeps none; `gone` if the list doesn't go back to the place, or it is in another list.
  package func restatements(
    _ view: String, from place: RestatementPlace? = nil, limit: Int = 1000, bytesMax: Int = 8 << 20
  ) throws(ViewError) -> RestatementPage? {
    let runner = try runner(view)
    guard runner.view.restates else { throw .noRestatements }
    let read: (page: RestatementPage?, isGone: Bool)
    do throws(StoreError) {
      read = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        guard let header = try runner.headers(reader).live else { return (nil, place != nil) }
        let mark = try ServingMark(header.number, reader) ?? ServingMark()
        if let place, place.number != header.number || place.serial < mark.oldest || place.serial > mark.next { return (nil, true) }
        return (try Self.page(place?.serial ?? mark.oldest, header.number, limit, bytesMax, runner, reader), false)
      }
    } catch {
      throw .store(error)
    }
    if read.isGone { throw .gone }
    return read.page
  }

  private static func page(
    _ first: UInt64, _ number: UInt32, _ limit: Int, _ bytesMax: Int, _ runner: ViewRunner,
    _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> RestatementPage {
    let bound = runner.set.world.now().milliseconds - runner.options.restatementsAgeMilliseconds
    var page = RestatementPage(place: RestatementPlace(number: number, serial: first))
    let prefix = ViewKeys.prefix(number, .restated)
    let cursor = try reader.cursor(.view)
    var bytes = 0
    var found = try cursor.seek(ViewKeys.restatement(number, first).raw)
    while found, cursor.key.starts(with: prefix.raw), limit == 0 || page.restatements.count < limit, bytes < bytesMax {
      let restatement = try Restatement(reading: cursor.value)
      if restatement.at.milliseconds >= bound { page.restatements.append(restatement) }
      page.place = RestatementPlace(number: number, serial: cursor.key.bigEndian(at: prefix.count) + 1)
      bytes += cursor.value.byteCount
      found = try cursor.next()
    }
    return page
  }
}
