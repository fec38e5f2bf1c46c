-- The fields of an agent itself, not of its versions, that agent files speak of; its name aside, by which
-- agents are told apart.
return { "description", "active", "is_demo", "metadata" }
