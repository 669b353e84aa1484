package import EventStore
package import ViewEngine
package import ViewKit

/// Checks the views of a database that nobody else has open.
package enum ViewCheck {
  /// Computes each view from scratch, those that were attached at run time too; see `ViewEngine.verify`.
  /// - Parameter declarations: the executable's: the set's own, and others whose views may be attached to it.
  /// - Returns: nil if it has no views.
  package static func report(
    of set: EventSet, _ declarations: [any DatabaseDeclaration], progress: (ViewReport) -> Void
  ) throws(StoreError) -> ViewReport? {
    var all: [CompiledDatabase] = []
    do throws(DeclarationError) {
      for declaration in declarations { all.append(try CompiledDatabase(declaration)) }
    } catch {
      throw StoreError(.refused, error.description)
    }
    let database = all.first { $0.name == set.name } ?? .undeclared(set.name)
    let attachable = all.sorted { $0.name < $1.name }.flatMap(\.views).filter(database.takes)
    let engine = ViewEngine(set, database, attachable: attachable, attached: try ViewEngine.attached(to: set))
    defer { engine.close() }
    return engine.names.isEmpty ? nil : try engine.verify(progress: progress)
  }
}
