//! The tools that forge recognises: their tables, where the version stands, and what forge has for their commands.

use super::tool::{Books, Column, Tool};

const TEXT: &str = "character varying*";
const TIME: &str = "timestamp*";

const fn column(name: &'static str, types: &'static [&'static str]) -> Column {
    Column {
        name,
        types,
        since_later: false,
    }
}

/// A column that the tables of the tool's older versions don't have.
const fn later(name: &'static str, types: &'static [&'static str]) -> Column {
    Column {
        name,
        types,
        since_later: true,
    }
}

/// Every tool, those first of which a table says more.
pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "Alembic",
        books: &[Books {
            table: "alembic_version",
            columns: &[column("version_num", &[TEXT])],
        }],
        version: include_str!("sql/alembic.sql"),
        commands: &[
            ("alembic revision --autogenerate -m TEXT", "plan -m TEXT"),
            ("alembic revision -m TEXT", "plan --empty -m TEXT"),
            ("alembic upgrade head", "apply"),
            ("alembic downgrade -1", "downgrade -1"),
            ("alembic upgrade head --sql", "apply --sql"),
            ("alembic current", "current"),
            ("alembic history", "history"),
            ("alembic heads", "heads"),
            ("alembic merge heads", "merge"),
            ("alembic stamp head", "stamp head"),
            ("alembic check", "plan --check"),
        ],
    },
    Tool {
        name: "Flyway",
        // Before its version 5, the table was called schema_version.
        books: &[Books {
            table: "flyway_schema_history",
            columns: FLYWAY,
        }],
        version: include_str!("sql/flyway.sql"),
        commands: FLYWAY_COMMANDS,
    },
    Tool {
        name: "Flyway",
        books: &[Books {
            table: "schema_version",
            columns: FLYWAY,
        }],
        version: include_str!("sql/flyway.sql"),
        commands: FLYWAY_COMMANDS,
    },
    Tool {
        name: "Liquibase",
        books: &[
            Books {
                table: "databasechangelog",
                columns: &[
                    column("id", &[TEXT]),
                    column("author", &[TEXT]),
                    column("filename", &[TEXT]),
                    column("dateexecuted", &[TIME]),
                    column("orderexecuted", &["integer"]),
                    column("exectype", &[TEXT]),
                    column("md5sum", &[TEXT]),
                    column("description", &[TEXT]),
                    column("comments", &[TEXT]),
                    column("tag", &[TEXT]),
                    column("liquibase", &[TEXT]),
                    later("contexts", &[TEXT]),
                    later("labels", &[TEXT]),
                    later("deployment_id", &[TEXT]),
                ],
            },
            Books {
                table: "databasechangeloglock",
                columns: &[
                    column("id", &["integer"]),
                    column("locked", &["boolean"]),
                    column("lockgranted", &[TIME]),
                    column("lockedby", &[TEXT]),
                ],
            },
        ],
        version: include_str!("sql/liquibase.sql"),
        commands: &[
            ("liquibase diff-changelog", "plan -m TEXT"),
            ("liquibase update", "apply"),
            ("liquibase update-sql", "apply --sql"),
            ("liquibase rollback-count 1", "downgrade -1"),
            ("liquibase status", "status"),
            ("liquibase history", "history -i"),
            ("liquibase changelog-sync", "stamp head"),
            ("liquibase validate", "validate"),
            ("liquibase diff", "drift"),
        ],
    },
    Tool {
        name: "Django",
        books: &[Books {
            table: "django_migrations",
            columns: &[
                column("id", &["integer", "bigint"]),
                column("app", &[TEXT]),
                column("name", &[TEXT]),
                column("applied", &[TIME]),
            ],
        }],
        version: include_str!("sql/django.sql"),
        commands: &[
            ("manage.py makemigrations", "plan -m TEXT"),
            (
                "manage.py makemigrations --empty APP",
                "plan --empty -m TEXT",
            ),
            ("manage.py makemigrations --check", "plan --check"),
            ("manage.py makemigrations --merge", "merge"),
            ("manage.py migrate", "apply"),
            ("manage.py migrate APP NAME", "downgrade REVISION"),
            ("manage.py migrate --fake", "stamp head"),
            ("manage.py showmigrations", "history -i"),
            ("manage.py sqlmigrate APP NAME", "show REVISION"),
        ],
    },
    Tool {
        name: "Rails",
        books: &[
            Books {
                table: "schema_migrations",
                // Without a length: with one, it is dbmate's.
                columns: &[column("version", &["character varying"])],
            },
            Books {
                table: "ar_internal_metadata",
                columns: &[
                    column("key", &[TEXT]),
                    column("value", &[TEXT]),
                    column("created_at", &[TIME]),
                    column("updated_at", &[TIME]),
                ],
            },
        ],
        version: include_str!("sql/greatest.sql"),
        commands: &[
            ("bin/rails generate migration NAME", "plan -m TEXT"),
            ("bin/rails db:migrate", "apply"),
            ("bin/rails db:rollback", "downgrade -1"),
            ("bin/rails db:migrate:redo", "test"),
            ("bin/rails db:migrate:status", "history -i"),
            ("bin/rails db:version", "current"),
            ("bin/rails db:reset", "reset --dev"),
        ],
    },
    Tool {
        name: "Prisma",
        books: &[Books {
            table: "_prisma_migrations",
            columns: &[
                column("id", &[TEXT]),
                column("checksum", &[TEXT]),
                column("finished_at", &[TIME]),
                column("migration_name", &[TEXT]),
                column("logs", &["text"]),
                column("rolled_back_at", &[TIME]),
                column("started_at", &[TIME]),
                column("applied_steps_count", &["integer"]),
            ],
        }],
        version: include_str!("sql/prisma.sql"),
        commands: &[
            ("prisma migrate dev", "plan -m TEXT"),
            ("prisma migrate dev --create-only", "plan --empty -m TEXT"),
            ("prisma migrate deploy", "apply"),
            ("prisma migrate status", "status"),
            ("prisma migrate diff", "plan --check"),
            ("prisma migrate resolve --applied NAME", "stamp REVISION"),
            ("prisma migrate reset", "reset --dev"),
            ("prisma db push", "up --dev"),
        ],
    },
    Tool {
        name: "Diesel",
        books: &[Books {
            table: "__diesel_schema_migrations",
            columns: &[column("version", &[TEXT]), column("run_on", &[TIME])],
        }],
        version: include_str!("sql/greatest.sql"),
        commands: &[
            ("diesel migration generate NAME", "plan -m TEXT"),
            ("diesel migration run", "apply"),
            ("diesel migration revert", "downgrade -1"),
            ("diesel migration redo", "test"),
            ("diesel migration list", "history -i"),
            ("diesel migration pending", "history --pending"),
            ("diesel database reset", "reset --dev"),
        ],
    },
    Tool {
        name: "sqlx",
        books: &[Books {
            table: "_sqlx_migrations",
            columns: &[
                column("version", &["bigint"]),
                column("description", &["text"]),
                column("installed_on", &[TIME]),
                column("success", &["boolean"]),
                column("checksum", &["bytea"]),
                column("execution_time", &["bigint"]),
            ],
        }],
        version: include_str!("sql/sqlx.sql"),
        commands: &[
            ("sqlx migrate add NAME", "plan -m TEXT"),
            ("sqlx migrate run", "apply"),
            ("sqlx migrate revert", "downgrade -1"),
            ("sqlx migrate info", "history -i"),
            ("sqlx database reset", "reset --dev"),
        ],
    },
    Tool {
        name: "golang-migrate",
        books: &[Books {
            table: "schema_migrations",
            columns: &[
                column("version", &["bigint"]),
                column("dirty", &["boolean"]),
            ],
        }],
        version: include_str!("sql/golang_migrate.sql"),
        commands: &[
            ("migrate create -ext sql NAME", "plan -m TEXT"),
            ("migrate up", "apply"),
            ("migrate up 1", "apply +1"),
            ("migrate down 1", "downgrade -1"),
            ("migrate goto V", "apply REVISION"),
            ("migrate version", "current"),
            ("migrate force V", "stamp REVISION"),
        ],
    },
    Tool {
        name: "goose",
        books: &[Books {
            table: "goose_db_version",
            columns: &[
                column("id", &["integer", "bigint"]),
                column("version_id", &["bigint"]),
                column("is_applied", &["boolean"]),
                column("tstamp", &[TIME]),
            ],
        }],
        version: include_str!("sql/goose.sql"),
        commands: &[
            ("goose create NAME sql", "plan -m TEXT"),
            ("goose up", "apply"),
            ("goose up-by-one", "apply +1"),
            ("goose down", "downgrade -1"),
            ("goose redo", "test"),
            ("goose reset", "downgrade base"),
            ("goose status", "history -i"),
            ("goose version", "current"),
            ("goose validate", "validate"),
        ],
    },
    Tool {
        name: "dbmate",
        books: &[Books {
            table: "schema_migrations",
            // Not of 255: so do others make it.
            columns: &[column("version", &["character varying(128)"])],
        }],
        version: include_str!("sql/greatest.sql"),
        commands: &[
            ("dbmate new NAME", "plan -m TEXT"),
            ("dbmate migrate", "apply"),
            ("dbmate rollback", "downgrade -1"),
            ("dbmate status", "history -i"),
            ("dbmate wait", "wait"),
        ],
    },
];

const FLYWAY: &[Column] = &[
    column("installed_rank", &["integer"]),
    column("version", &[TEXT]),
    column("description", &[TEXT]),
    column("type", &[TEXT]),
    column("script", &[TEXT]),
    column("checksum", &["integer"]),
    column("installed_by", &[TEXT]),
    column("installed_on", &[TIME]),
    column("execution_time", &["integer"]),
    column("success", &["boolean"]),
];

const FLYWAY_COMMANDS: &[(&str, &str)] = &[
    ("a new file V2__name.sql", "plan -m TEXT"),
    ("flyway migrate", "apply"),
    ("flyway undo", "downgrade -1"),
    ("flyway info", "history -i"),
    ("flyway validate", "validate"),
    ("flyway repair", "repair"),
    ("flyway baseline", "stamp head"),
    ("flyway check -drift", "drift"),
    ("flyway clean", "reset --dev"),
];
