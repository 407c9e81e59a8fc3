"""PyMongo against a server: python3 testdata/pymongo URI [AREA...]"""

import checks

import aggregation  # noqa: F401
import bulk  # noqa: F401
import connection  # noqa: F401
import crud  # noqa: F401
import cursors  # noqa: F401
import databases  # noqa: F401
import failover  # noqa: F401
import files  # noqa: F401
import indexes  # noqa: F401
import sessions  # noqa: F401
import values  # noqa: F401

checks.main()
