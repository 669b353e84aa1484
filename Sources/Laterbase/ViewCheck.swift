package import EventStore
package import ViewEngine
package import ViewKit

/// Checks the views of a database that nobody else has open.
package enum ViewCheck {
  /// Computes each view from scratch; see `ViewEngine.verify`.
  /// - Parameter declarations: the executable's; of those the set's own counts.
  /// - Returns: nil if none declares views for it.
  package static func report(
    of set: EventSet, _ declarations: [any DatabaseDeclaration], progress: (ViewReport) -> Void
  ) throws(StoreError) -> ViewReport? {
    guard let declaration = declarations.first(where: { $0.name == set.name }) else { return nil }
    let compiled: CompiledDatabase
    do throws(DeclarationError) { compiled = try CompiledDatabase(declaration) } catch {
      throw StoreError(.refused, error.description)
    }
    let engine = ViewEngine(set, compiled)
    defer { engine.close() }
    return compiled.views.isEmpty ? nil : try engine.verify(progress: progress)
  }
}
