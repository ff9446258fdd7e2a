"""The part of Cosmos DB's SQL that this stand-in speaks; any other query is refused, never guessed."""
