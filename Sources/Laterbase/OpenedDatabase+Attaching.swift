import EventStore
import ViewEngine
import ViewKit

extension OpenedDatabase {
  /// Attaches a view of this build, for this run and later ones.
  /// - Returns: false, if it is there already.
  /// - Throws: `not-found` if this build has no such view; `refused` if it is over another type of event.
  package func attach(_ view: String) async throws(LaterbaseError) -> Bool {
    _ = try reading { _ in }
    if views.names.contains(view) { return false }
    let named = compiledViews.filter { $0.name == view }
    let fitting = compiledViews.filter(views.database.takes)
    guard !named.isEmpty else {
      let names = Set(fitting.map(\.name)).subtracting(views.names).sorted()
      throw LaterbaseError(
        .notFound,
        "this server has no view \(view); \(names.isEmpty ? "none can be attached" : "these can be attached: \(names.joined(separator: ", "))")"
      )
    }
    guard let compiled = fitting.first(where: { $0.name == view }) else {
      throw LaterbaseError(.refused, "the view \(view) is over events of another type than those of \(name)")
    }
    do throws(ViewError) { return try await views.attach(compiled) } catch { throw self.error(error, view) }
  }

  /// Detaches a view that was attached; its rows are deleted.
  /// - Throws: `not-found` if there is no such view; `refused` if the database declares it.
  package func detach(_ view: String) async throws(LaterbaseError) {
    _ = try reading { _ in }
    if views.database.views.contains(where: { $0.name == view }) {
      throw LaterbaseError(.refused, "the database \(name) declares the view \(view): only a view that was attached can be detached")
    }
    do throws(ViewError) { try await views.detach(view) } catch { throw self.error(error, view) }
  }
}
