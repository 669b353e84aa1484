public import ViewKit

/// The databases that the shipped server declares. To add one: a folder beside these, and its name here.
public let registry: [any DatabaseDeclaration] = [shipments, keyValues, epcis]
